"""What can be asked: one declaration a kind of probe, which every other room reads.

kind ......... what a kind is, beside its keys
keys ......... the keys of a mapping, from the annotations of the value that it is read as
forms, collections, values ... how a file writes a value
checks, templates ............ what it must be beyond that
http, websocket ... one file a kind

Nothing here imports pydantic before a file is read.
"""

from gate.kinds.registry import KINDS, kind_of, kinds_of_key

__all__ = ["KINDS", "kind_of", "kinds_of_key"]
