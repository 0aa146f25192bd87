"""Compares how the candidate is set up with each revision that served before."""

from collections.abc import Iterator

from gate.core.evidence import Evidence, Symptom
from gate.errors import AccessError, InfrastructureError
from gate.kinds.diff import DiffProbe
from gate.ports import Configuration, Configurations
from gate.probes.diff.compare import Difference, How, differences
from gate.probes.inquiry import Draft, Inquiry
from gate.probes.outcome import CannotAskError, Fault
from gate.probes.words import LINES_MAX, Words

KIND = "diff"
STABLE_MAX = 10
"""Most revisions that the candidate is compared with."""
_NAMES_MAX = 5
_HINTS = {
    How.MISSING: "the candidate was made without it: set it on the service before the next "
    "rollout, or list the name under expect.missing",
    How.CHANGED: "if that is meant, list the name under expect.changed",
    How.ADDED: "",
}

Found = list[tuple[str, Difference]]
"""What differs, and from which stable revision."""


async def ask(inquiry: Inquiry[DiffProbe]) -> Evidence:
    """Reads the configurations and judges what differs.

    Raises:
        CannotAskError: nothing says which revisions to compare, or nothing can read them.
    """
    run, spec = inquiry.run, inquiry.spec
    candidate, stable = run.target.revision, run.target.compare_with[:STABLE_MAX]
    asked = f"configuration of {candidate or 'the candidate'}"
    draft = inquiry.begin(KIND, asked, _expected(spec, stable))
    if run.configurations is None or not candidate:
        raise CannotAskError(
            "no access to Cloud Run" if run.target.revision else "a URL alone, and no revision",
            "a revision whose configuration can be read",
            "a configuration belongs to a revision: name one with --revision, not a --url",
        )
    if not stable:
        raise CannotAskError(
            "no other revision that has users",
            "a stable revision to compare with",
            "a first deployment has none: set required: false until there is one",
        )
    try:
        found, compared = await _found(spec, run.configurations, candidate, stable)
    except InfrastructureError as error:
        return _unread(draft, error)
    wrong = [(name, one) for name, one in found if not one.declared(spec)]
    faults = dict.fromkeys((_fault(name, one) for name, one in wrong), 1)
    seen = _seen(wrong, found, compared)
    return draft.end(seen, faults, _excerpts(found, spec, run.words))


async def _found(
    spec: DiffProbe, configurations: Configurations, candidate: str, stable: tuple[str, ...]
) -> tuple[Found, int]:
    """Every difference, what is missing first; and how many names were compared."""
    own = await configurations.of(candidate)
    found: Found = []
    for name in stable:
        other = await configurations.of(name)
        found += ((name, one) for one in differences(spec, other, own))
    order = list(How)
    return sorted(found, key=lambda pair: order.index(pair[1].how)), _size(own)


def _size(one: Configuration) -> int:
    return len(one.env) + len(one.secrets) + len(one.fields) + len(one.hidden)


def _fault(stable: str, one: Difference) -> Fault:
    return Fault(
        Symptom.CONFIGURATION, str(one), f"as {stable} has it: {one.stable}", _HINTS[one.how]
    )


def _unread(draft: Draft, error: InfrastructureError) -> Evidence:
    """Access is our own side's matter; anything else is Cloud Run's. Neither is a pass."""
    ours = isinstance(error, AccessError)
    symptom = Symptom.CLIENT if ours else Symptom.PLATFORM
    hint = error.hint or ("the caller needs roles/run.viewer" if ours else "")
    seen = f"the configuration cannot be read: {error.message}"
    fault = Fault(symptom, seen, "two configurations to compare", hint)
    return draft.end(seen, [fault])


def _expected(spec: DiffProbe, stable: tuple[str, ...]) -> str:
    parts = [f"as {' and '.join(stable) or 'stable'}"]
    for what, allowed in (("missing", spec.missing), ("another", spec.changed)):
        if allowed is None:
            parts.append(f"any may be {what}")
        elif allowed:
            parts.append(f"{', '.join(allowed)} may be {what}")
    return "; ".join(parts)


def _seen(wrong: Found, found: Found, compared: int) -> str:
    """One line: what is missing, what is another, and what else differs."""
    parts = []
    for how in (How.MISSING, How.CHANGED):
        names = _named([one for _, one in wrong if one.how is how])
        parts += [f"{how.value}: {names}"] if names else []
    allowed = len(found) - len(wrong)
    if allowed:
        parts.append(f"{allowed} differences that may be")
    return "; ".join(parts) or f"nothing differs ({compared} names)"


def _named(found: list[Difference]) -> str:
    names = list(dict.fromkeys(one.name for one in found))
    more = f" and {len(names) - _NAMES_MAX} more" if len(names) > _NAMES_MAX else ""
    return ", ".join(names[:_NAMES_MAX]) + more


def _excerpts(found: Found, spec: DiffProbe, words: Words) -> Iterator[str]:
    """What is wrong first; what may be is said, too."""
    ordered = sorted(found, key=lambda pair: pair[1].declared(spec))
    for stable, one in ordered[:LINES_MAX]:
        mark = "=" if one.declared(spec) else "!"
        yield words.line(f"{mark} {one} ({stable}: {one.stable})")
