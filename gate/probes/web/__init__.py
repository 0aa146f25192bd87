"""HTTP, below every probe that asks over it.

asking    one request: its answer, whose it is, and whether to ask again
exchange  one HTTP/1.1 exchange, bounded in time and size
status    what a status that was not expected says
proof     who answers at the candidate's address, where a JSON answer tells
"""
