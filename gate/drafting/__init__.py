"""Writes a first policy of what stable answered: what `gate init` hears becomes questions.

schemas ........ a JSON Schema from samples of one answer
expectations ... what samples of an answer allow the next one to be held to
draft .......... a first policy, as questions
writing ........ a draft as YAML with comments: the way out
"""
