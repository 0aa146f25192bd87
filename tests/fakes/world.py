"""A whole world for the controller: every port a fake, and what a test asks about all of them."""

import json
from dataclasses import replace

from gate.controller.bookkeeping import Waits
from gate.controller.loop import Controller, World
from gate.core.fields import child, texts
from gate.core.policy import Json, Probe
from gate.core.recorded import Decision
from gate.core.redaction import Redactor
from gate.core.service import ServiceRef
from gate.core.state import Kind, Plan, Rollout
from gate.core.traffic import Split
from gate.errors import InfrastructureError
from gate.kinds.http import HttpProbe
from gate.ledger.canonical import digest
from gate.ledger.past import past_of
from gate.ledger.rerun import rerun
from gate.ports import Bundles, Headers, Signer, UsersAnswer
from tests.fakes.clock import FakeClock
from tests.fakes.ledger import FakeLedger
from tests.fakes.logs import FakeLogs
from tests.fakes.narrator import FakeNarrator
from tests.fakes.platform import REF, STABLE, FakePlatform
from tests.fakes.probes import FakeProbes
from tests.fakes.user_requests import FakeUserRequests

TAG = "candidate"
CANDIDATE = "backend-00002-xyz"
"""The name that the gate gives to the first revision it deploys with the plan below."""
USERS = {"blue": STABLE}
"""Tags that people have made."""
PROBES = (
    Probe("health", HttpProbe("/health")),
    Probe("chat", HttpProbe("/chat")),
    Probe("nice", HttpProbe("/nice"), required=False),
)


def plan(kind: Kind = Kind.ROLLOUT, ref: ServiceRef = REF, **more: object) -> Plan:
    """What was asked for; a rollout deploys the image `app:2` unless it adopts a revision."""
    image = "app:2" if kind is Kind.ROLLOUT and "revision" not in more else ""
    probes = PROBES if kind is Kind.ROLLOUT else ()
    asked = Plan(kind, ref, TAG, "alice", "because", image=image, suffix="xyz", probes=probes)
    return replace(asked, **more)  # type: ignore[arg-type]


class FakeWorld:
    """One of each fake, and a controller that acts through them.

    Args:
        platform: the service; by default one stable revision at 100 % and a user's tag.
        secrets: what the redactor knows.
        waits: how long the ledger is waited for.
        clock: by default one that only moves when somebody sleeps.
        bundles: where evidence is kept that entries have no room for.
        signer: who signs outcomes.
    """

    def __init__(
        self,
        platform: FakePlatform | None = None,
        secrets: dict[str, str] | None = None,
        waits: Waits | None = None,
        clock: FakeClock | None = None,
        bundles: Bundles | None = None,
        signer: Signer | None = None,
    ) -> None:
        self.clock = clock or FakeClock()
        traffic = Split.all_to(STABLE, dict(USERS))
        self.platform = platform or FakePlatform(traffic=traffic, clock=self.clock)
        self.probes = FakeProbes()
        self.logs = FakeLogs()
        self.ledger = FakeLedger()
        self.narrator = FakeNarrator()
        self.user_requests = FakeUserRequests()
        self.audiences: list[str] = []
        self.behind_iap = False
        self.no_token: InfrastructureError | None = None
        self.again: dict[str, Json] = {}
        self.users_get = UsersAnswer()
        self.insiders_get = UsersAnswer()
        world = World(
            platform=self.platform,
            probes=self.probes,
            logs=self.logs,
            ledger=self.ledger,
            clock=self.clock,
            redactor=Redactor(secrets or {}),
            identity=self.identity,
            narrator=self.narrator,
            answers=self.answers,
            bundles=bundles,
            user_requests=self.user_requests,
            signer=signer,
        )
        self.controller = Controller(world, waits)

    async def identity(self, audience: str, url: str = "") -> tuple[tuple[str, str], ...]:
        """Lets everybody in with a token, or fails as the test says."""
        if not url:
            self.audiences.append(audience)
        if self.no_token is not None:
            raise self.no_token
        if self.behind_iap:
            return (("Proxy-Authorization", f"Bearer for {url or audience}"),)
        return (("X-Serverless-Authorization", "Bearer t"),)

    async def answers(self, _url: str, headers: Headers) -> UsersAnswer:
        """What users get, and whoever shows a token."""
        return self.insiders_get if headers else self.users_get

    async def run(self, asked: Plan | None = None) -> Rollout:
        """Carries a plan out, a rollout by default; what is recorded of it can be made again."""
        rollout = await self.controller.run(asked or plan(), "r1")
        if self.controller.outcome is not None:
            self.again = self.made_again()
            assert (self.again["same"], self.again["differs"]) == (True, []), self.again
        return rollout

    def made_again(self) -> dict[str, Json]:
        """The decision of the rollout that ran last, made again from its record."""
        outcome = self.controller.outcome
        assert outcome is not None
        own = {*texts(outcome, "intentions"), *texts(outcome, "intentions_unkept")}
        kept = [one for one in self.ledger.kept if digest(one) in own]
        decision = Decision("r1", tuple(kept), outcome)
        return rerun(decision, child(outcome, "events"))

    @property
    def shares(self) -> dict[str | None, int]:
        """Percents that are asked for."""
        return self.platform.traffic.shares

    @property
    def effective_shares(self) -> dict[str | None, int]:
        """Percents that the front end obeys."""
        return {line.revision: line.percent for line in self.platform.effective if line.percent}

    @property
    def tags(self) -> dict[str, str | None]:
        """Tags that are asked for."""
        return self.platform.traffic.tags

    @property
    def outcome(self) -> dict[str, Json]:
        """The outcome that the ledger keeps."""
        (entry,) = (entry for entry in self.ledger.kept if entry["entry"] == "outcome")
        return entry

    @property
    def intentions(self) -> list[Json]:
        """What the ledger says that the gate was about to do."""
        return [entry["why"] for entry in self.ledger.kept if entry["entry"] == "intention"]

    @property
    def record(self) -> str:
        """Everything that the ledger keeps, as text."""
        return json.dumps(self.ledger.kept, ensure_ascii=False)

    def plan_of_rollback(self) -> Plan:
        """A rollback that takes its target from the ledger."""
        newest_first = tuple(reversed(self.ledger.kept))
        return plan(Kind.ROLLBACK, past=past_of(newest_first))
