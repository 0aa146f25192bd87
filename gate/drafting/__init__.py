"""Writes a first policy of what stable answered: what `gate init` hears becomes questions.

schemas ........ a JSON Schema from samples of one answer
expectations ... what samples of an answer allow the next one to be held to
question ....... a question before it is written, and how pages are asked
html, lists .... what pages and JSON lists hold, and where they lead
pages .......... the questions of one page
messages ....... what a WebSocket says
rooms, sockets . the questions of a WebSocket
identity ....... how answers name their revision
unseen ......... what a first policy cannot see
draft .......... a first policy, as questions
writing ........ a draft as YAML with comments: the way out
"""
