"""The reviewers' console: what the ledger remembers, in a browser. Reads, and changes nothing.

app      which page is where
door     who is let in, and what a browser may do with a page
shelf    what is read of the ledger, and kept in short
choice   filters of the list, and its pages
kept     what takes long to find out: whether the record is whole, and its numbers
"""
