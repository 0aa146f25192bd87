"""`diff`: how the candidate is set up, beside how stable is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

from gate.errors import ValueProblem
from gate.kinds.collections import OneOrMany
from gate.kinds.forms import Choice, Flag, Text
from gate.kinds.keys import Keys, Remark
from gate.kinds.kind import Control, Kind, LeadsTo, Turn
from gate.kinds.records import Expected, Key
from gate.kinds.templates import Plain


def _none_or_any(word: str) -> tuple[str, ...] | None:
    return None if word == "any" else ()


_NAMES = OneOrMany(
    item=Annotated[str, Text("the name of a variable, a secret or a field"), Plain()],
    one=Annotated[str, Choice(words=("none", "any"))],
    means=_none_or_any,
)
Names = Annotated[tuple[str, ...] | None, _NAMES]
"""Names that are allowed; None where all are."""
Compared = Annotated[bool, Flag()]


@dataclass(frozen=True, slots=True)
class DiffProbe(Keys):
    """What differs between the candidate's configuration and stable's, before any request.

    Values of environment variables are never read into evidence: only names, and whether the
    value is the same.
    """

    facts: ClassVar[Kind] = Kind(
        "diff",
        "How the candidate is set up beside how stable is, before any request",
        "gate.probes.diff.probe:ask",
        leads_to=LeadsTo.CONFIGURATION,
        turn=Turn.FIRST,
        once=True,
        compares=True,
        control=Control.NONE,
        past_proxy="it compares configurations, which do not pass the proxy",
    )

    env: Annotated[
        Compared, Key("environment variables: the names, and whether each value is the same")
    ] = True
    secrets: Annotated[
        Compared, Key("variables and mounts that secrets fill: which secret, which version")
    ] = True
    resources: Annotated[
        Compared, Key("`cpu`, `memory`, `cpu_idle`, `startup_cpu_boost`, `accelerator`")
    ] = True
    image: Annotated[Compared, Key("`image`")] = False
    ports: Annotated[Compared, Key("`port`, `protocol`")] = True
    identity: Annotated[Compared, Key("`service_account`")] = True
    scaling: Annotated[
        Compared,
        Key("`concurrency`, `timeout_s`, `min_instances`, `max_instances`, `session_affinity`"),
    ] = True
    network: Annotated[
        Compared, Key("`vpc_connector`, `vpc_egress`, `vpc_networks`, `execution_environment`")
    ] = True
    volumes: Annotated[Compared, Key("what is mounted where: `mount /data`")] = True
    missing: Annotated[
        Names,
        Expected(
            "what stable has and the candidate need not have: a list of names, `none` or `any`"
        ),
    ] = ()
    changed: Annotated[
        Names,
        Expected(
            "what may be another than stable's: a list of names, `none` or `any`", absent="none"
        ),
    ] = ()

    def agree(self) -> None:
        """As Checked.agree."""
        parts = (self.env, self.secrets, self.resources, self.image, self.ports, self.identity)
        if not any((*parts, self.scaling, self.network, self.volumes)):
            raise ValueProblem("diff", "compares nothing (expected at least one part)")

    @property
    def asked(self) -> str:
        """As Keys.asked."""
        return "its configuration"

    def remarks(self, *, stable: bool) -> Iterator[Remark]:
        """As Keys.remarks."""
        del stable
        if self.missing is None and self.changed is None:
            yield Remark("expect", "anything may differ, so that the probe cannot fail")
