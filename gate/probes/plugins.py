"""Asks a kind of probe that another package brings, and trusts it with nothing but its answer.

It runs in a thread of its own that nobody waits for beyond the deadline, its import included. What
it may do is not limited (it is code of whoever writes the policy); what it says is checked, and a
plug-in that is missing, raises, hangs or says something else proves nothing: never a pass.
"""

import asyncio
import contextlib
import inspect
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from gate.core.evidence import Evidence, Outcome, Symptom
from gate.core.policy import Json
from gate.core.template import parse_json
from gate.kinds.keys import Keys
from gate.kinds.kind import Kind
from gate.kinds.plugin import PluginProbe
from gate.kinds.records import slots_of
from gate.probes import headers
from gate.probes.identity import known_by
from gate.probes.inquiry import FINDINGS_MAX, Inquiry
from gate.probes.outcome import CannotAskError, Fault
from gate.probes.plugin import GROUP, Answer, Question, Remark
from gate.probes.quoting import quoted
from gate.probes.words import LINES_MAX

KIND = "plugin"
WITHIN_S = 60.0
"""How long a kind without a timeout of its own may take."""
_NAMES_MAX = 10
_ANSWER = "a gate.probes.plugin.Answer"


async def ask(inquiry: Inquiry[PluginProbe]) -> Evidence:
    """Loads the plug-in, asks it, and makes evidence of its answer.

    Raises:
        CannotAskError: there is no such plug-in, or it has not answered as plug-ins must.
    """
    spec = inquiry.spec
    return await _ask(inquiry, KIND, _Loading(spec.kind), dict(spec.options), spec.timeout_s)


async def ask_plainly(inquiry: Inquiry[Keys]) -> Evidence:
    """The same of a kind with keys of its own, whose options are its fields.

    Raises:
        CannotAskError: it cannot be imported, or has not answered as plug-ins must.
    """
    keys = inquiry.spec
    options = {slot.field: _json(getattr(keys, slot.field)) for slot in slots_of(type(keys))}
    within_s = float(getattr(keys, "timeout_s", WITHIN_S))
    return await _ask(inquiry, keys.facts.name, _Importing(keys.facts), options, within_s)


async def _ask(
    inquiry: Inquiry[Any], kind: str, loading: "_Loading", options: dict[str, Json], within_s: float
) -> Evidence:
    run = inquiry.run
    trace = headers.Trace()
    question = _question(inquiry, trace, options, within_s)
    draft = inquiry.begin(kind, loading.package, "an answer that passes")
    result = await _in_time(lambda: loading.load()(question), loading, within_s)
    answer = _checked(result, loading)
    if answer.expected:
        draft = replace(draft, expected=answer.expected)
    faults = list(_faults(answer))
    name = answer.answered_by if run.identity.header else ""
    doubt = run.identity.doubt(name, answer.seen)
    if doubt is not None:
        faults = [doubt.fault]
    shown = run.words.reach() + 1  # one more: what is cut must be seen to be
    said = (quoted(line[:shown]) for line in list(answer.excerpts)[: LINES_MAX - 1])
    lines = [f"= {loading.package}", *said]
    return draft.end(
        faults[0].seen if doubt else answer.seen,
        faults,
        map(run.words.line, lines),
        trace=trace.id,
        answered_by=known_by(answer.answered_by, doubt),
    )


def _question(
    inquiry: Inquiry[Any], trace: headers.Trace, options: dict[str, Json], within_s: float
) -> Question:
    run = inquiry.run
    rendered = parse_json(options).render(run.values(run.nonces.new()))
    assert isinstance(rendered, dict)
    return Question(
        url=run.target.url,
        headers=dict(headers.render(trace, run.target.headers, (), {})),
        options=rendered,
        deadline_s=within_s,
        revision=run.target.revision,
        identity_header=run.identity.header,
    )


def _json(value: object) -> Json:
    """A field's value as JSON has it."""
    match value:
        case tuple() | list():
            return [_json(one) for one in value]
        case Mapping():
            return {str(name): _json(one) for name, one in value.items()}
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)


class _Loading:
    """Finds and imports a plug-in; knows whose it is once it is found.

    Attributes:
        package: name and release of the package, for messages.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self.package = f"plug-in {kind}"

    def load(self) -> Callable[[Question], object]:
        """The function to ask.

        Raises:
            CannotAskError: there is none, or more than one, or it is no function.
        """
        found = tuple(metadata.entry_points(group=GROUP, name=self._kind))
        if len(found) != 1:
            raise self._not_one(found)
        (point,) = found
        if point.dist is not None:
            self.package = f"plug-in {self._kind} of {point.dist.name} {point.dist.version}"
        loaded: object = point.load()
        if not callable(loaded):
            seen = f"{self.package}: {point.value} is no function"
            raise CannotAskError(seen, "a function that takes a Question")
        return loaded

    def _not_one(self, found: tuple[metadata.EntryPoint, ...]) -> CannotAskError:
        if found:
            places = ", ".join(point.value for point in found[:_NAMES_MAX])
            seen = f"plug-in {self._kind} is brought by several packages ({places})"
            return CannotAskError(seen, "one of them", "uninstall the others")
        known = sorted(metadata.entry_points(group=GROUP).names)[:_NAMES_MAX]
        return CannotAskError(
            f"plug-in {self._kind} is not installed (installed: {', '.join(known) or 'none'})",
            f"an entry point {self._kind} of the group {GROUP}",
            "install the package that brings it beside the gate, in the same environment",
        )


class _Importing(_Loading):
    """Imports what asks a kind that has been declared."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind.name)
        self._ask = kind.ask

    def load(self) -> Callable[[Question], object]:
        """As _Loading.load."""
        module, _, name = self._ask.partition(":")
        loaded: object = getattr(import_module(module), name)
        if not callable(loaded):
            raise CannotAskError(f"{self._ask} is no function", "a function that takes a Question")
        return loaded


async def _in_time(call: Callable[[], object], loading: _Loading, within_s: float) -> object:
    """What the call returns; a thread that takes longer is left alone and ends with the process."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[object] = loop.create_future()

    def settle(result: object, error: BaseException | None) -> None:
        if ended.done():
            return
        if error is None:
            ended.set_result(result)
        else:
            ended.set_exception(_raised(error, loading))

    def run() -> None:
        result, failure = None, None
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001 - SystemExit included: it is not ours to obey
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop has gone, and with it who asked
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name=loading.package, daemon=True).start()
    try:
        async with asyncio.timeout(within_s):
            return await ended
    except TimeoutError:
        seen = f"{loading.package} has not answered within {within_s:g} s"
        hint = "a plug-in must keep to Question.deadline_s; raise `timeout` if it needs longer"
        raise CannotAskError(seen, "an answer in time", hint) from None


def _raised(error: BaseException, loading: _Loading) -> CannotAskError:
    if isinstance(error, CannotAskError):
        return error
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return CannotAskError(
        f"{loading.package} raised {type(error).__name__}{where}: {error}",
        _ANSWER,
        "this is a defect of the plug-in, or of its options: never the candidate's",
    )


def _checked(result: object, loading: _Loading) -> Answer:
    """The answer, if it is one.

    Raises:
        CannotAskError: it is something else, or contradicts itself.
    """
    if inspect.iscoroutine(result):
        result.close()
        seen = f"{loading.package} returned a coroutine"
        raise CannotAskError(seen, _ANSWER, "write a plain function; call asyncio.run inside it")
    if not isinstance(result, Answer):
        raise CannotAskError(f"{loading.package} returned a {type(result).__name__}", _ANSWER)
    if not _well_formed(result):
        seen = f"{loading.package} returned an Answer with values of other types"
        raise CannotAskError(seen, "values as gate.probes.plugin documents them")
    if result.passed and result.findings:
        seen = f"{loading.package} says that it passed, and what was wrong"
        raise CannotAskError(seen, "a pass without findings, or a failure")
    return result


def _well_formed(answer: Answer) -> bool:
    texts = (answer.seen, answer.expected, answer.answered_by)
    return (
        (answer.passed is None or isinstance(answer.passed, bool))
        and all(isinstance(text, str) for text in texts)
        and isinstance(answer.findings, tuple | list)
        and all(isinstance(one, Remark) and _is_text(one) for one in answer.findings)
        and isinstance(answer.excerpts, tuple | list)
        and all(isinstance(line, str) for line in answer.excerpts)
    )


def _is_text(one: Remark) -> bool:
    return all(isinstance(text, str) for text in (one.seen, one.expected, one.hint))


def _faults(answer: Answer) -> Iterable[Fault]:
    """What it says is wrong; a failure always says something."""
    if answer.passed:
        return
    because = Outcome.INCONCLUSIVE if answer.passed is None else Outcome.FAILED
    remarks = list(answer.findings)[:FINDINGS_MAX] or [Remark(answer.seen, answer.expected)]
    for one in remarks:
        yield Fault(Symptom.PLUGIN, one.seen, one.expected, one.hint, because)
