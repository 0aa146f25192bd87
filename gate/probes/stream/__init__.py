"""The stream probe: answers that come piece by piece, each event judged as it comes.

probe     streams side by side, and what their sum says
session   one stream's life: ask, follow, cut, go on, hang up
opening   asks for it: its answer's head, whose it is, and whether to ask again
following takes what comes, against the limits of time
heard     what has come so far, and what is kept of it
wrong     what is wrong with it as a whole: its kind, and how Cloud Run cuts it
judging   pure: whether events come as they must, and when
timing    pure: when events came, and what a buffer on the way looks like
formats   pure: bytes to events
plan      what all streams of a probe share
"""
