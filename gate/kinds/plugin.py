"""`plugin`: a kind that another package brings by a plain function; its options are its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from gate.core.questions import Json
from gate.kinds.checks import Within
from gate.kinds.forms import Anything, Text
from gate.kinds.keys import Keys
from gate.kinds.kind import Kind
from gate.kinds.records import ANY_OTHER, Key
from gate.kinds.templates import Templated
from gate.kinds.values import Seconds


@dataclass(frozen=True, slots=True)
class PluginProbe(Keys):
    """A kind that another package brings, found by its entry point (group `gate.probes`).

    Attributes:
        options: what the policy says to it; texts may hold templates.
        timeout_s: how long it may take, its import included.
    """

    facts: ClassVar[Kind] = Kind(
        "plugin",
        "A kind that another package brings; all other keys are for it and may hold templates",
        "gate.probes.plugins:ask",
        again=True,
    )

    kind: Annotated[
        str,
        Text(
            "the name of an entry point of the group gate.probes",
            r"[A-Za-z0-9][A-Za-z0-9._-]*",
            100,
        ),
        Key("the name of its entry point in the group `gate.probes`"),
    ]
    options: Annotated[
        Mapping[str, Json],
        Anything(),
        Templated(),
        Key("for the plug-in; may hold templates", ANY_OTHER),
    ] = field(default_factory=dict, hash=False)
    timeout_s: Annotated[
        Seconds,
        Within(0.1, 3600),
        Key("limit for its answer, its import included, at most 1h"),
    ] = 60.0

    @property
    def asked(self) -> str:
        """As Keys.asked."""
        return f"plug-in {self.kind}"
