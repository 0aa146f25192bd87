"""`suite`: a test suite that is there already, run against the candidate and watched."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from gate.core.questions import Json
from gate.errors import ValueProblem
from gate.kinds.checks import Check, NotEmpty, Within
from gate.kinds.collections import ListOf, Mapped
from gate.kinds.extras import Need
from gate.kinds.forms import Either, Form, Text, Whole
from gate.kinds.keys import Keys, Remark
from gate.kinds.kind import Control, Kind
from gate.kinds.records import Expected, Key
from gate.kinds.templates import Plain, Templated
from gate.kinds.values import Pairs, Percent, SomeSeconds

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

LEFT_OUT_MAX = 100_000
ALL = "all"
"""The name under which a policy gives a rate for all tests."""
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NOT_OURS = r"[A-FH-Z_a-z]|G[B-Z_a-z0-9]|GA[A-SU-Z_a-z0-9]|GAT[A-DF-Z_a-z0-9]|GATE[A-Za-z0-9]"
"""How a name of a variable begins that does not begin with GATE_."""


@dataclass(frozen=True, slots=True)
class Rates(Mapped):
    """Shares by marker; the one of all tests is kept under ""."""

    def value(self, written: Any) -> Any:
        """As Form.value."""
        return {"" if name == ALL else name: share for name, share in written.items()}


@dataclass(frozen=True, slots=True)
class Below(Check):
    """A folder below another one."""

    def refuse(self, key: str, value: Any) -> None:
        """As Check.refuse."""
        if value.startswith("/") or ".." in value.split("/"):
            raise ValueProblem(
                key, f"leads out (got {value!r}, expected one below the policy's folder)"
            )


@dataclass(frozen=True, slots=True)
class CanAllFail(Check):
    """Shares that are each more than none."""

    def refuse(self, key: str, value: Any) -> None:
        """As Check.refuse."""
        for marker, percent in value.items():
            Within(0, 100).refuse(f"{key}.{marker}", percent)
            if percent == 0:
                raise ValueProblem(key, "cannot fail (got 0%, expected more than 0%)")


@dataclass(frozen=True, slots=True)
class Least:
    """How many tests must be evidence at least: so many, or a share of all, in percent."""

    tests: int = 0
    percent: float = 0.0

    def of(self, total: int) -> Fraction:
        """The same of so many tests."""
        share = Fraction(str(self.percent)) * total / 100
        return max(Fraction(self.tests), share)

    def __str__(self) -> str:
        return f"{self.percent:g} %" if self.percent else str(self.tests)


@dataclass(frozen=True, slots=True)
class LeastOf(Form):
    """A number of tests, or a share of them."""

    says: str = "a number of tests from 1, or a share from 1% to 100%"

    def written(self) -> "CoreSchema":
        """As Form.written."""
        from pydantic_core import core_schema  # noqa: PLC0415 - only where a file is read

        pattern = r"^(?:100(?:\.0{1,3})?|[1-9][0-9]?(?:\.[0-9]{1,3})?)%$"
        share = core_schema.str_schema(strict=True, pattern=pattern)
        number = core_schema.int_schema(strict=True, ge=1, le=LEFT_OUT_MAX)
        return core_schema.union_schema([number, share])

    def value(self, written: Any) -> Least:
        """As Form.value."""
        if isinstance(written, str):
            return Least(percent=float(written[:-1]))
        return Least(tests=written)

    def text(self, value: Any) -> Json:
        """As Form.text."""
        return f"{value.percent:g}%" if value.percent else int(value.tests)


@dataclass(frozen=True, slots=True)
class SuiteProbe(Keys):
    """An existing test suite, run against the candidate through a proxy that sees its traffic.

    Attributes:
        pass_rate: percent by marker; `""` is all tests.
        can_fail: of these alone a pass counts, since a proof has seen each of them fail; None
            where there is no fresh proof.
        untried: of those whose passes do not count, the ones that the proof had no time for.
        only: node ids of the tests that are run, where they are not all.
    """

    facts: ClassVar[Kind] = Kind(
        "suite",
        "An existing test suite, run against the candidate and watched",
        "gate.probes.suite.probe:ask",
        control=Control.AFTER_FAILURE,
        long=True,
        cases=True,
        rank=8,
    )

    run: Annotated[
        tuple[str, ...],
        ListOf(item=Annotated[str, Text("a program or one of its arguments"), Plain()], most=200),
        NotEmpty("a command"),
        Key(
            "the command, word by word; no shell reads it. The program is looked for on the "
            "suite's `PATH`, one with a `/` below `directory`"
        ),
    ]
    env: Annotated[
        tuple[tuple[str, str], ...],
        Pairs(
            name=Text(
                "the name of an environment variable, not GATE_...",
                rf"(?:{_NOT_OURS})[A-Za-z0-9_]*|G|GA|GAT|GATE",
                200,
            ),
            item=Annotated[str, Text("text", r"[^\x00-\x08\x0a-\x1f\x7f]*", 8000), Templated()],
        ),
        Key(
            "its environment variables; may hold templates, and `${url}` and `${ws_url}` are the "
            "candidate as the suite is to see it. Names that begin with `GATE_` are the gate's"
        ),
    ] = ()
    directory: Annotated[
        str,
        Text("a directory below the policy's folder", most=300),
        Plain(),
        Below(),
        Key("where it runs, below the policy's folder", absent="the policy's folder"),
    ] = "."
    timeout_s: Annotated[
        SomeSeconds, Key("limit for all of it; then its whole process group is ended")
    ] = 600.0
    hosts: Annotated[
        tuple[str, ...],
        ListOf(item=Annotated[str, Text("a host name", rf"{_LABEL}(?:\.{_LABEL})*", 253)], most=50),
        Key(
            "host names that are fixed in its code, which are led to the candidate; needs the "
            "extra `suite`"
        ),
    ] = ()
    tests: Annotated[
        tuple[str, ...],
        ListOf(item=Annotated[str, Text("a node id, or a test's name")], most=5000),
        Expected(
            "tests that must have run and passed: node ids, or the end of one (`test_login`, "
            "`TestChat::test_talk`)"
        ),
    ] = ()
    skipped: Annotated[
        int,
        Whole(low=0, high=LEFT_OUT_MAX),
        Expected(
            "how many tests may be left out: skipped, deselected or expected to fail (`xfail`, "
            "either way)"
        ),
    ] = 0
    pass_rate: Annotated[
        Mapping[str, float],
        Rates(
            name=Text("the name of a marker, or all", r"[A-Za-z_][A-Za-z0-9_-]*", 100),
            item=Annotated[float, Percent()],
        ),
        CanAllFail(),
        Expected(
            "marker to share: of all tests with this pytest marker so many must pass; left out is "
            "not passed. `all` is every test. A test that no rate speaks for must pass if it runs",
            absent="every test that runs",
        ),
    ] = field(default_factory=dict, hash=False)
    network: Annotated[
        bool,
        Either(words=("network", "results")),
        Expected(
            "`network`: only tests that were seen talking to the candidate count. `results`: "
            "every pass counts",
            "evidence",
        ),
    ] = True
    counted: Annotated[
        Least | None,
        LeastOf(),
        Expected(
            "how many tests must be evidence at least: a number, or a share of all tests such as "
            "`60%`. With fewer the rollout is held",
            absent="one",
        ),
    ] = None
    can_fail: frozenset[str] | None = None
    untried: frozenset[str] = frozenset()
    only: frozenset[str] | None = None

    @property
    def asked(self) -> str:
        """As Keys.asked."""
        return " ".join(self.run)

    @property
    def needs(self) -> Need | None:
        """As Keys.needs; whether it writes JUnit XML, which needs it too, is known later."""
        return Need("suite", ("trustme",), "hosts") if self.hosts else None

    def proven(self, can_fail: frozenset[str], untried: frozenset[str]) -> Self:
        """As Keys.proven."""
        return replace(self, can_fail=can_fail, untried=untried)

    def narrowed(self, cases: frozenset[str]) -> Self:
        """As Keys.narrowed; what pytest does not run, it leaves out."""
        return replace(self, only=cases, tests=(), pass_rate={}, skipped=LEFT_OUT_MAX, counted=None)

    def remarks(self, *, stable: bool) -> Iterator[Remark]:
        """As Keys.remarks."""
        del stable
        if self.counted is None:
            yield Remark(
                "expect.counted",
                "is missing: the suite passes although all but one of its tests no longer ask "
                "anything",
                "say how many must be evidence, e.g. counted: 60%; the report says how many are",
            )

    @property
    def tolerant(self) -> bool:
        """As Keys.tolerant."""
        return bool(self.pass_rate)

    def bounded(self, limit_s: float) -> Self:
        """As Keys.bounded."""
        return replace(self, timeout_s=min(self.timeout_s, limit_s))
