"""HTTP, below every probe that asks over it.

asking    one request: its answer, whose it is, and whether to ask again
exchange  one HTTP/1.1 exchange, bounded in time and size
judging   what an answer must be, beside its status: headers, JSON, content
content   texts in a body, what queries find in it, its size
markup    HTML: what selectors find in it, and its shape
status    what a status that was not expected says
proof     who answers at the candidate's address, where a JSON answer tells
"""
