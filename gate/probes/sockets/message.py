"""One whole message of a WebSocket connection."""

from typing import NamedTuple

from gate.core.policy import Json
from gate.probes.expect import read_json

PONG = '{"type":"pong"}'
"""Answers a JSON ping, as servers want it whose proxies eat the protocol's own pings."""


class Message(NamedTuple):
    """One whole message.

    Attributes:
        text: as it came.
        value: its JSON value; the text itself where it is not JSON.
        ping: whether it is a JSON ping.
        foreign: whether it carries another connection's nonce.
        kind: its type, "" without one.
    """

    text: str
    value: Json
    ping: bool = False
    foreign: bool = False
    kind: str = ""


def message_of(text: str) -> Message:
    """A message as it came; nothing is known of nonces here."""
    try:
        value: Json = read_json(text)
    except ValueError:
        return Message(text, text)
    kind = type_of(value)
    return Message(text, value, kind == "ping", kind=kind)


def type_of(value: Json) -> str:
    """What the field `type` of a JSON object says, "" without one."""
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else ""
