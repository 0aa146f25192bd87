"""What a package needs that brings a kind of probe of its own: a Question in, an Answer out.

This module is the gate's public interface to such packages and stays as it is; docs/plugins.md has
a whole example. A package names a plain function `(Question) -> Answer` under the entry point group
`gate.probes`; the entry point's name is the kind.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gate.core.policy import Json

GROUP = "gate.probes"
"""The group of entry points."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and of whom.

    Attributes:
        url: base URL of the revision to ask, without a slash at its end.
        headers: to be sent with every request: who asks, the trace, and the token that lets a
            private service be called. Not to be shown.
        options: what the policy says beside `kind` and `timeout`, its templates replaced. May hold
            secrets.
        deadline_s: how long the answer is waited for; what comes later does not count.
        revision: the revision that must answer, "" where nobody knows its name.
        identity_header: the header in which every answer names its revision, "" without one.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    options: Mapping[str, Json] = field(repr=False)
    deadline_s: float
    revision: str = ""
    identity_header: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that was not as expected; `hint` says what to do, or is ""."""

    seen: str
    expected: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was seen. Texts are redacted, made visible and cut before anybody sees them.

    Attributes:
        passed: True or False; None where it could not be found out, which is never a pass.
        seen: one line, also for a pass.
        expected: one line.
        findings: what was not as expected; a pass has none.
        excerpts: up to 20 lines of what was said.
        answered_by: the revision that answered, by the value of `identity_header`; with one, an
            answer that does not name the right revision does not count.
    """

    passed: bool | None
    seen: str
    expected: str = ""
    findings: tuple[Remark, ...] = ()
    excerpts: tuple[str, ...] = ()
    answered_by: str = ""
