"""What a first policy cannot see, each with what would: so that nobody trusts it too far."""

from collections.abc import Iterator, Sequence

from gate.core.recording import Asked, Recording
from gate.core.template import NONCE, names
from gate.drafting.question import Question

SHOWN_MAX = 4
_JOURNEY = "a `journey` would: docs/policy/journey.md"


def unseen_of(recording: Recording, asked: Asked, questions: Sequence[Question]) -> tuple[str, ...]:
    """Lines of what the questions leave out, each with what would see it.

    Args:
        recording: what stable answered.
        asked: what it was asked with.
        questions: those that were drafted.
    """
    return tuple(_lines(recording, asked, {question.name for question in questions}))


def _lines(recording: Recording, asked: Asked, known: set[str]) -> Iterator[str]:
    forms = _forms(recording)
    if forms:
        yield f"what becomes of forms that are sent ({_some(forms)}): {_JOURNEY}"
    if recording.writes:
        yield f"what is changed ({_some(recording.writes)}): {_JOURNEY}"
    if not forms and not recording.writes:
        yield f"what POST, PUT and DELETE do: {_JOURNEY}"
    if not asked.headers and (closed := _closed(recording)):
        yield (
            f"what users see behind the sign-in ({_some(closed)}): --secret and --header with a "
            f"token, or {_JOURNEY}"
        )
    if asked.headers:
        yield f"what of one user's data another one sees: {_JOURNEY}"
    if asked.websocket and asked.headers and len(asked.users) < 2:
        yield "what a second user of the WebSocket gets: two --secret, and ${user} in --header"
    if asked.websocket and not any(name.startswith("room") for name in known):
        said = "" if NONCE in names(asked.say) else " (--say with ${nonce} in it)"
        yield f"who hears what one says{said}: `parties` would: docs/policy/rooms.md"
    yield "speed under load: a `rate` would: docs/policy/latency.md"


def _forms(recording: Recording) -> list[str]:
    looks = ((page.path, one.look) for page in recording.pages for one in page.samples[:1])
    sent = [action or path for path, look in looks if look for action in look.sent]
    return [*dict.fromkeys(sent)]


def _closed(recording: Recording) -> list[str]:
    """Pages that refuse strangers, or lead them elsewhere."""
    return [page.path for page in recording.pages if page.status in (401, 403, 302, 303)]


def _some(several: Sequence[str]) -> str:
    more = f" and {len(several) - SHOWN_MAX} more" if len(several) > SHOWN_MAX else ""
    return ", ".join(several[:SHOWN_MAX]) + more
