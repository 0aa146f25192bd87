"""What a webhook is told: the decision for machines, or a message for people. Pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gate.core.policy import HookFormat, Json
from gate.core.texts import shortened, visible

Entry = Mapping[str, Json]

SIZE_MAX_BYTES = 64 * 1024
"""Most bytes of an event: what CloudEvents asks every receiver to take."""
TEXT_MAX = 2500
"""Most characters of a message: a section of Slack's holds 3000, a text of Google Chat's 4096."""
_LONG = ("excerpts", "log_lines", "tests")
_FOR_THE_LEDGER = frozenset({"events"})
"""What is for whoever reads the record, and as large as all the rest."""
_NEVER_DROPPED = ("entry", "rollout", "at", "kind", "project", "region", "service", "ending")


@dataclass(frozen=True, slots=True)
class Notice:
    """How a rollout ended.

    Attributes:
        entry: the ledger's outcome.
        title: in one line: what ended how.
        lines: why, and what to do next, for people.
    """

    entry: Entry
    title: str
    lines: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Unique to this ending, and the same however often it is told."""
        return f"{_text(self.entry, 'rollout')}/ended"


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent, and as what."""

    content: bytes
    content_type: str


def body(notice: Notice, form: HookFormat) -> Body:
    """A notice in one of the forms."""
    return _FORMS[form](notice)


def _cloudevent(notice: Notice) -> Body:
    """CloudEvents 1.0, structured JSON."""
    entry = {key: item for key, item in notice.entry.items() if key not in _FOR_THE_LEDGER}
    project, region, name = (_text(entry, key) for key in ("project", "region", "service"))
    event: dict[str, Json] = {
        "specversion": "1.0",
        "id": notice.id,
        "source": f"//run.googleapis.com/projects/{project}/locations/{region}/services/{name}",
        "type": f"dev.gate.{_text(entry, 'kind')}.ended",
        "subject": _text(entry, "rollout"),
        "time": _text(entry, "at"),
        "datacontenttype": "application/json",
    }
    smaller = (_same, _without_long, _without_passes, _without_evidence, _bare)
    made = (_encoded({**event, "data": give_up(entry)}) for give_up in smaller)
    content = next((one for one in made if len(one) <= SIZE_MAX_BYTES), _encoded(event))
    return Body(content, "application/cloudevents+json; charset=utf-8")


def _same(entry: dict[str, Json]) -> dict[str, Json]:
    return entry


def _without_long(entry: dict[str, Json]) -> dict[str, Json]:
    """Without what was sent and answered word for word, which the ledger has."""
    items = [{k: v for k, v in item.items() if k not in _LONG} for item in _evidence(entry)]
    return {**entry, "evidence": [*items], "excerpts_left_out": True}


def _without_passes(entry: dict[str, Json]) -> dict[str, Json]:
    entry = _without_long(entry)
    items = [item for item in _evidence(entry) if item.get("outcome") != "passed"]
    left_out = len(_evidence(entry)) - len(items)
    return {**entry, "evidence": [*items], "evidence_left_out": left_out}


def _without_evidence(entry: dict[str, Json]) -> dict[str, Json]:
    return {**entry, "evidence": [], "evidence_left_out": len(_evidence(entry))}


def _bare(entry: dict[str, Json]) -> dict[str, Json]:
    return {key: entry.get(key) for key in (*_NEVER_DROPPED, "exit_code")}


def _evidence(entry: Entry) -> list[dict[str, Json]]:
    items = entry.get("evidence")
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _slack(notice: Notice) -> Body:
    """A section of plain text, in which nothing is a mention or a link; `text` is its preview."""
    section: Json = {"type": "plain_text", "text": _message(notice), "emoji": False}
    blocks: list[Json] = [{"type": "section", "text": section}]
    preview = visible(notice.title).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _json({"text": preview, "blocks": blocks})


def _google_chat(notice: Notice) -> Body:
    """A text in which nothing is a mention or a link with a name of its own."""
    return _json({"text": _message(notice).replace("<", "<\u200b")})


def _message(notice: Notice) -> str:
    """The title and the lines; a line of its own for each, whatever is in them."""
    lines = (visible(line) for line in (notice.title, *notice.lines) if line)
    return shortened("\n".join(lines), TEXT_MAX)


def _json(value: Json) -> Body:
    return Body(_encoded(value), "application/json; charset=utf-8")


def _encoded(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True).encode()


def _text(entry: Entry, key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""


_FORMS: Mapping[HookFormat, Callable[[Notice], Body]] = {
    HookFormat.CLOUDEVENTS: _cloudevent,
    HookFormat.SLACK: _slack,
    HookFormat.GOOGLE_CHAT: _google_chat,
}
