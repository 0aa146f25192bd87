"""What can be asked: one declaration a kind of probe, which every other room reads.

registry ..... which kinds there are, and where each is declared
probe ........ the keys of a whole probe: of its kind, of `expect`, and those that all may have
http, websocket ... one file a kind: its keys, and its facts
kind ......... what facts a kind has; keys: what its keys can be asked
steps ........ the steps of a journey; answers: what the body of an answer must hold
records ...... the keys of a mapping, from the annotations of the value that it is read as
values ....... what several kinds have: durations, paths, headers
forms, collections ... how a file writes a value; checks, templates: what it must be beyond that

Nothing here imports pydantic before a file is read.
"""

from gate.kinds.registry import KINDS, kind_of, kinds_of_key

__all__ = ["KINDS", "kind_of", "kinds_of_key"]
