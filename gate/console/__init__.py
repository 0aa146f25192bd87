"""The reviewers' console: what the ledger remembers, in a browser. Reads, and changes nothing.

app      which page is where
door     who is let in, and what a browser may do with a page
shelf    the index of the ledger, brought up to date
choice   filters of the list, and its pages
kept     what takes long to find out: whether the record is whole, and its numbers
"""
