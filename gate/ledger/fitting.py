"""Makes an entry fit where it is kept: long texts are cut, then whole parts are given up."""

import json
from collections.abc import Callable

from gate.core import texts
from gate.core.evidence import STABLE
from gate.core.policy import Json

COUNT_BYTES = len(', "left_out": 999999')


def cut(value: Json, text_max: int) -> Json:
    """The same value with every string in it at most this long; keys stay.

    Half a surrogate pair, which no encoding has, becomes a question mark. A fraction becomes text:
    entries hold whole numbers alone, which every reader reads alike.
    """
    match value:
        case str():
            return _encodable(texts.shortened(value, text_max))
        case float():
            return int(value) if value.is_integer() else str(value)
        case list():
            return [cut(item, text_max) for item in value]
        case dict():
            return {_encodable(key): cut(item, text_max) for key, item in value.items()}
        case _:
            return value


def _encodable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def fitted(entry: dict[str, Json], limit_bytes: int) -> dict[str, Json]:
    """The same entry within a size; whatever is left out is counted under `left_out`.

    Tests that passed and count go first, and those of stable, then excerpts (of passes before
    failures), then all tests, then tags without a share, of which a service may have thousands,
    then evidence.
    """
    excess = size_bytes(entry) + COUNT_BYTES - limit_bytes
    if excess <= COUNT_BYTES:
        return entry
    left_out = 0
    smaller = dict(entry)
    for give_up in (_plain_tests, _excerpts, _tests, _bare_tags, _evidences):
        count, saved_bytes = give_up(smaller, excess)
        left_out += count
        excess -= saved_bytes
    return {**smaller, "left_out": left_out}


def _plain_tests(entry: dict[str, Json], excess: int) -> tuple[int, int]:
    """Gives up tests of which a count says enough."""
    return _without_tests(entry, excess, _plain)


def _plain(item: dict[str, Json], test: Json) -> bool:
    counts = isinstance(test, dict) and bool(test.get("counts")) and not test.get("why")
    return counts or item.get("address") == STABLE


def _tests(entry: dict[str, Json], excess: int) -> tuple[int, int]:
    """Gives up all tests."""
    return _without_tests(entry, excess, lambda _item, _test: True)


def _without_tests(
    entry: dict[str, Json], excess: int, gone: Callable[[dict[str, Json], Json], bool]
) -> tuple[int, int]:
    """Gives up some tests, which are counted; returns how many lists had any, and the bytes."""
    evidence = entry.get("evidence")
    if excess <= 0 or not isinstance(evidence, list):
        return 0, 0
    before_bytes, count = size_bytes(evidence), 0
    items: list[Json] = []
    for item in evidence:
        tests = item.get("tests") if isinstance(item, dict) else None
        if isinstance(item, dict) and isinstance(tests, list) and tests:
            kept = [test for test in tests if not gone(item, test)]
            known = item.get("tests_left_out")
            out = (known if isinstance(known, int) else 0) + len(tests) - len(kept)
            count += len(kept) < len(tests)
            items.append({**item, "tests": kept, "tests_left_out": out})
        else:
            items.append(item)
    entry["evidence"] = items
    return count, before_bytes - size_bytes(items)


def _excerpts(entry: dict[str, Json], excess: int) -> tuple[int, int]:
    """Gives up excerpts, of the last evidence first; returns how many lists, and the bytes."""
    evidence = entry.get("evidence")
    if excess <= 0 or not isinstance(evidence, list):
        return 0, 0
    kept = [dict(item) for item in evidence if isinstance(item, dict)]
    kept.sort(key=lambda item: item.get("outcome") == "passed")
    count = saved_bytes = 0
    for item in reversed(kept):
        if saved_bytes < excess and item.get("excerpts"):
            saved_bytes += size_bytes(item["excerpts"]) - len("[]")
            item["excerpts"] = []
            count += 1
    entry["evidence"] = [*kept]
    return count, saved_bytes


def _evidences(entry: dict[str, Json], excess: int) -> tuple[int, int]:
    """Gives up evidence, the last first."""
    evidence = entry.get("evidence")
    if excess <= 0 or not isinstance(evidence, list):
        return 0, 0
    kept = list(evidence)
    count = saved_bytes = 0
    while kept and saved_bytes < excess:
        saved_bytes += size_bytes(kept.pop()) + (len(", ") if kept else 0)
        count += 1
    entry["evidence"] = kept
    return count, saved_bytes


def _bare_tags(entry: dict[str, Json], excess: int) -> tuple[int, int]:
    """Gives up the lines of traffic lists that have a tag and no share."""
    count = saved_bytes = 0
    for key in ("traffic_now", "traffic_wanted", "traffic_before", "traffic_after"):
        lines = entry.get(key)
        if saved_bytes < excess and isinstance(lines, list):
            kept = [line for line in lines if not isinstance(line, dict) or line.get("percent")]
            count += len(lines) - len(kept)
            saved_bytes += size_bytes(lines) - size_bytes(kept)
            entry[key] = kept
    return count, saved_bytes


def size_bytes(value: Json) -> int:
    """How long a value is as JSON, in bytes of UTF-8."""
    return len(json.dumps(value, ensure_ascii=False).encode())
