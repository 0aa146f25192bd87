"""The diff probe: how the candidate is set up beside how stable is, before any request.

probe    reads both, and says what differs
compare  pure: what is missing, what is another, what is new
"""
