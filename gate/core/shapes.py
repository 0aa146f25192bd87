"""The shape of JSON answers: which keys they have, and of which types. No values.

Answers of one service differ in their values; their shape is what clients rely on. What is looked
at is bounded, whatever an answer holds. The shape of HTML pages is beside it (pages).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from gate.core.pages import ONLY, PAGES_MAX, Page, broken_pages, unlike_pages
from gate.core.questions import Json

NODES_MAX = 2000
DEPTH_MAX = 10
ITEMS_MAX = 50
KEY_MAX = 60
"""What is looked at of one answer: values, levels, items of one list, characters of one key."""
PLACES_MAX = 1000
"""Most places of several answers together."""

WHOLE = ONLY
"""Label of an answer that is the only one."""
_ITEM = "[]"
_NAME = re.compile(r"(?!.*\d{4})(?![0-9a-f-]{8,}$)[A-Za-z_$@][A-Za-z0-9_$:-]*")
"""Keys that are names. Others are data: paths, ids, addresses, dates; none is promised."""
_ERROR = "error"
_MESSAGE = "message"
NO_OBJECT = "a message that is no JSON object"
"""Label of messages that are none."""
_NULL = frozenset({"null"})

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """One place of an answer.

    Attributes:
        kinds: types seen there: object, list, string, number, boolean, null.
        always: whether it is there wherever the object around it is.
    """

    kinds: frozenset[str]
    always: bool = True


@dataclass(frozen=True, slots=True)
class Shape:
    """The places of one answer, or of several together.

    Attributes:
        places: by path; the first part of a path is the label of its answer.
        whole: whether every place is in it; a large answer is looked at in part.
        pages: the shapes of those answers that are HTML.
        early: labels of messages that came before the first that was awaited.
    """

    places: Mapping[Path, Place]
    whole: bool = True
    pages: tuple[Page, ...] = ()
    early: frozenset[str] = frozenset()


def shape_of(value: Json, label: str = WHOLE, clean: Callable[[str], str] = str) -> Shape:
    """The shape of one answer.

    Args:
        value: the answer.
        label: what its outermost place is called: answers with other labels are not compared.
        clean: makes a key fit to show.
    """
    walk = _Walk(clean)
    return Shape(walk.places(value, (label,)), walk.whole)


class _Walk:
    """Goes through one answer, as far as the bounds allow."""

    def __init__(self, clean: Callable[[str], str]) -> None:
        self._clean = clean
        self._left = NODES_MAX
        self.whole = True

    def places(self, value: Json, path: Path) -> dict[Path, Place]:
        self._left -= 1
        promised = len(path) == 1 or _NAME.fullmatch(path[-1]) is not None
        found = {path: Place(frozenset({_kind(value)}), promised)}
        if len(path) > DEPTH_MAX:
            self.whole = False
            return found
        match value:
            case dict():
                for key, item in value.items():
                    if self._left <= 0:
                        self.whole = False
                        break
                    found |= self.places(item, (*path, self._clean(key)[:KEY_MAX]))
            case list():
                found |= self._items(value, (*path, _ITEM))
            case _:
                pass
        return found

    def _items(self, items: list[Json], path: Path) -> dict[Path, Place]:
        self.whole = self.whole and len(items) <= ITEMS_MAX
        found: dict[Path, Place] = {}
        for item in items[:ITEMS_MAX]:
            if self._left <= 0:
                self.whole = False
                break
            found = _merged(found, self.places(item, path))
        return found


def _kind(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "list"
        case dict():
            return "object"


def together(shapes: Iterable[Shape | None]) -> Shape | None:
    """What several answers have in common, and what only some of them have; None for none."""
    found: Shape | None = None
    for shape in shapes:
        if shape is None:
            continue
        if found is None:
            found = shape
            continue
        places = _merged(found.places, shape.places)
        whole = found.whole and shape.whole and len(places) <= PLACES_MAX
        pages = (*found.pages, *shape.pages)[:PAGES_MAX]
        kept, early = dict(list(places.items())[:PLACES_MAX]), found.early | shape.early
        found = Shape(kept, whole, pages, early)
    return found


def _merged(one: Mapping[Path, Place], other: Mapping[Path, Place]) -> dict[Path, Place]:
    """A place that only one has is not always there, unless what is around it is missing, too."""
    if not one or not other:
        return dict(one or other)
    places = {}
    for path in (*one, *(path for path in other if path not in one)):
        a, b = one.get(path), other.get(path)
        if a and b:
            places[path] = Place(a.kinds | b.kinds, a.always and b.always)
        elif only := a or b:
            lacking = other if a else one
            places[path] = Place(only.kinds, only.always and not _holds(lacking, path))
    return places


def _holds(places: Mapping[Path, Place], path: Path) -> bool:
    """Whether the object that the place would be in is there."""
    around = places.get(path[:-1])
    return around is not None and "object" in around.kinds


def broken(shape: Shape, promised: Shape) -> Iterator[tuple[str, str]]:
    """What clients of one shape no longer find in another: (where and what it is now, what it was).

    A place that is new breaks nobody, and neither does null, nor what is not always there. Places
    below a place that is told are not told again.

    Args:
        shape: of the new answers.
        promised: of the old ones.
    """
    told: set[Path] = set()
    for path, was in sorted(promised.places.items()):
        if any(path[:length] in told for length in range(1, len(path))):
            continue
        now = shape.places.get(path)
        if now is None:
            if was.always and shape.whole and _holds(shape.places, path):
                told.add(path)
                yield f"{shown(path)} missing", f"{shown(path)} ({_kinds(was)})"
        elif _retyped(was, now):
            told.add(path)
            yield f"{shown(path)} is {_kinds(now)}", f"{shown(path)} is {_kinds(was)}"


def unreadable(shape: Shape, promised: Shape) -> Iterator[tuple[str, str]]:
    """What no reader of an HTML page can do with; as `broken`."""
    return broken_pages(shape.pages, promised.pages)


def uncalled(shape: Shape, promised: Shape) -> Iterator[tuple[str, str]]:
    """Messages of a sort that nobody sent before, and that clients cannot pass over; as `broken`.

    Such as are no JSON, tell of an error, or come before what is awaited first and not in the place
    of what came there: those who read the one have a probe that awaits it.
    """
    new = _new_messages(shape, promised)
    replaced = len(promised.early - shape.early) >= len(shape.early.intersection(new))
    for label in new:
        if label == NO_OBJECT or _ERROR in label:
            yield label, "no such message"
        elif label in shape.early and not replaced:
            yield f"{label} before the first that is awaited", "no such message"


def unlike(shape: Shape, promised: Shape) -> tuple[str, ...]:
    """What is different in HTML pages, or new among messages, and breaks nobody."""
    new = _new_messages(shape, promised)
    told = (f"{label}, which stable does not send" for label in new)
    return (*unlike_pages(shape.pages, promised.pages), *told)


def _new_messages(shape: Shape, promised: Shape) -> list[str]:
    labels = sorted(_labels(shape) - _labels(promised))
    return [label for label in labels if label == NO_OBJECT or label.startswith(_MESSAGE)]


def message_label(value: Json) -> str:
    """The label of a message: messages of one type are compared with each other."""
    if not isinstance(value, dict):
        return NO_OBJECT
    kind = value.get("type")
    return f"{_MESSAGE} {kind}" if isinstance(kind, str) else _MESSAGE


def _retyped(was: Place, now: Place) -> bool:
    old, new = was.kinds - _NULL, now.kinds - _NULL
    return bool(old) and bool(new) and not old & new


def differs(shape: Shape, promised: Shape) -> bool:
    """Whether two shapes differ in what is always there: a key gone, new, renamed or retyped.

    So do messages of another label in the place of those that were promised, unless that is how
    errors are told.
    """
    if any(True for _ in broken(shape, promised)) or any(True for _ in broken(promised, shape)):
        return True
    labels, before = _labels(shape), _labels(promised)
    return bool(before - labels) and any(_ERROR not in label for label in labels - before)


def _labels(shape: Shape) -> frozenset[str]:
    return frozenset(path[0] for path in shape.places if len(path) == 1)


def no_json(label: str = WHOLE, page: Page | None = None) -> Shape:
    """The shape of an answer that is no JSON, and of the page that it is."""
    places: dict[Path, Place] = {(label,): Place(frozenset({"no JSON"}))}
    return Shape(places, pages=() if page is None else (page,))


def shown(path: Path) -> str:
    """A path as people write it: `$.services.auth`, `$.items[].id`."""
    if path == (WHOLE,):
        return "the answer"
    return ".".join(path).replace(f".{_ITEM}", _ITEM)


def _kinds(place: Place) -> str:
    return " or ".join(sorted(place.kinds))
