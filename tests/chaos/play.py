"""Plays one round: sets the stage, starts the gate, lets things happen, recovers, reads back."""

import asyncio
import contextlib
import signal
from collections import Counter
from datetime import UTC, datetime

from tests.chaos import gates
from tests.chaos.draw import BY_SIGNAL, After, Deed, Fate, Start, Task
from tests.chaos.gates import PROJECT, REGION, Orders
from tests.chaos.record import Record, Run
from tests.chaos.stage import PARENT, PERSON, until

TROUBLE_S = 20.0
"""How long faults stay switched on at most."""
END_S = 75.0
"""How long after that a gate may take: its deadline, and what its patience adds."""
LEEWAY_S = 5.2
LONG_S = 30.0
INGESTED_S = 2.2
"""How long a rude Cloud Logging may hide an entry."""
_SIGNALS = {
    Deed.KILL: (signal.SIGKILL,),
    Deed.INTERRUPT: (signal.SIGINT,),
    Deed.TERMINATE: (signal.SIGTERM,),
    Deed.INTERRUPT_TWICE: (signal.SIGINT, signal.SIGINT),
}


POLICY = """\
version: 1
candidate: {{tag: candidate, ready_within: 6s{identity}}}
traffic: {steps}
{dwell}watch: {watch:g}s
first_deploy: {first}
deadline: 40s
lease: 5s
on_hold: {on_hold}
probes:
  alive:
    http: {{path: /alive, timeout: 8s}}
    expect: {{status: 200}}
  right:
    http: {{path: /right, timeout: 8s}}
    expect: {{status: 200, json: {{ok: true}}}}
"""


def policy_of(round_):
    """The policy of a round."""
    return POLICY.format(
        steps=list(round_.steps),
        dwell="dwell: 300ms\n" if len(round_.steps) > 1 else "",
        watch=round_.watch_s,
        identity=", identity: {header: x-revision}" if round_.identity else "",
        first="allow" if round_.start is Start.NOTHING else "refuse",
        on_hold="keep" if round_.keeps else "drop",
    )


class Play:
    """One round on a stage.

    Args:
        stage: the local Cloud Run.
        round_: what is to happen.
        folder: where gates write.
        busy: held while anything but time passes: so many rounds at once keep the machine busy,
            and the others wait for leases to run out.
    """

    def __init__(self, stage, round_, folder, busy):
        self._stage = stage
        self._round = round_
        self._name = round_.name
        self._folder = folder
        self._busy = busy
        self._gates = []
        self._late = []
        self._policy = folder / f"{self._name}.yaml"
        self._policy.write_text(policy_of(round_))
        self._record = Record(round_, {})

    async def run(self):
        """Plays it; gives the record."""
        loop = asyncio.get_running_loop()
        began = 0.0
        stage, record = self._stage, self._record
        try:
            async with self._busy:
                began = loop.time()
                await self._set_up()
                record.begun = await self._now()
                await self._trouble()
            await self._lapse()
            async with self._busy:
                await self._recover()
                await self._arrive()
            if self._late:  # a dead gate's write may have come into effect only now
                await self._lapse()
            async with self._busy:
                if self._late:
                    await self._recover()
                record.settled = await stage.settled(self._name)
                await self._read_back()
        finally:
            for gate in self._gates:
                gate.kill()
            for index in range(len(self._round.acts)):
                await stage.switch_off(f"{self._name}-{index}")
            await stage.switch_off(f"{self._name}-f")
            await stage.switch_off(f"{self._name}-r")
            await stage.remove(self._name)
        record.seconds = loop.time() - began
        return record

    async def _set_up(self):
        round_, candidate = self._round, f"{self._name}-cand"
        if round_.start is Start.NOTHING:
            return
        await self._stage.set_up(self._name, round_.start)
        if round_.task in (Task.ADOPT, Task.PROMOTE):
            await self._stage.add_revision(self._name, candidate, round_.image.value)
            assert await self._stage.settled(self._name)

    # --- while the gate works

    async def _trouble(self):
        """The rollout under faults, with everybody's acts, until no gate runs any more."""
        stage, round_ = self._stage, self._round
        for index, act in enumerate(round_.acts):
            if act.at:
                await stage.switch_on(f"{self._name}-{index}", self._name, self._hold(act.at))
        if round_.faults:
            await stage.switch_on(f"{self._name}-f", self._name, *map(self._rule, round_.faults))
        main = self._start(self._orders())
        acts = [
            asyncio.create_task(self._act(index, act, main))
            for index, act in enumerate(round_.acts)
        ]
        calm = asyncio.create_task(self._calm_down())
        await self._end_of(main)
        for act in acts:
            await act
        for gate in self._gates:
            await self._end_of(gate)
        calm.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await calm
        await self._faults_off()

    def _hold(self, boundary):
        return {
            "do": "hold-reply" if boundary.after else "hold",
            "method": boundary.method,
            "skip": boundary.nth - 1,
            "count": 1,
        }

    def _rule(self, rule):
        if rule["do"] != "interfere":
            return rule
        service = f"{PARENT}/services/{self._name}"
        return {**rule, "service": service, "shares": {f"{self._name}-old": 100}, "caller": PERSON}

    def _start(self, orders):
        gate = gates.start(orders, self._folder, self._stage.grpc, self._policy)
        self._gates.append(gate)
        return gate

    async def _calm_down(self):
        """Faults do not last for ever."""
        await asyncio.sleep(TROUBLE_S)
        await self._faults_off()

    async def _faults_off(self):
        gone = await self._stage.switch_off(f"{self._name}-f")
        if gone:
            kinds = Counter(strike["do"] for strike in gone["strikes"])
            self._record.struck = dict(Counter(self._record.struck) + kinds)
            self._record.calls += [strike["call"] for strike in gone["strikes"]]

    async def _end_of(self, gate):
        """Waits for a gate; one that does not end in time has hung."""
        if gate.read:
            return
        if not await gate.ended(TROUBLE_S + END_S):
            gate.hung = True
            gate.kill()
            await gate.ended(10)
        gate.read, gate.cut = True, await self._now()

    async def _now(self):
        """The number of the history's last moment."""
        moments = await self._stage.history(self._name)
        return moments[-1]["number"] if moments else 0

    # --- acts

    async def _act(self, index, act, main):
        """Waits for an act's moment and does it; nothing where the gate ended before."""
        held = f"{self._name}-{index}"
        if act.at is None:
            if not await main.ended(act.seconds):
                self._note(act)
                await self._do(act, main)
            return
        if not await self._reached(held, main):
            await self._stage.switch_off(held)
            return
        self._note(act)
        await self._do(act, main)
        if act.fate is Fate.ARRIVES_LATE:
            self._late.append(held)
        else:
            await self._stage.release(held, carry_out=act.fate is Fate.ARRIVES)
            await self._stage.switch_off(held)

    def _note(self, act):
        self._record.done.append(str(act))
        if act.at:
            self._record.calls.append(act.at.method)
        if act.deed in BY_SIGNAL:
            where = (
                f"{'after' if act.at.after else 'before'} {act.at.method}" if act.at else "random"
            )
            self._record.kills.append(f"{act.deed.value} {where}")
        else:
            self._record.deeds.append(act.deed.value)

    async def _reached(self, held, main):
        """Whether the boundary comes before every gate has ended."""
        while any(gate.alive for gate in self._gates):
            waiting = asyncio.create_task(self._stage.holds(held, 5.0))
            ending = [asyncio.create_task(g.ended(5.0)) for g in self._gates if g.alive]
            await asyncio.wait({waiting, *ending}, return_when=asyncio.FIRST_COMPLETED)
            for task in ending:
                task.cancel()
            if waiting.done() and await waiting:
                return True
            if not waiting.done():
                waiting.cancel()
        return await self._stage.holds(held)

    async def _do(self, act, main):
        if act.deed in _SIGNALS:
            for number in _SIGNALS[act.deed]:
                if number == signal.SIGKILL:
                    main.kill()
                    await main.ended(10)
                else:
                    main.send(number)
                    await asyncio.sleep(0.05)
        elif act.deed is Deed.UNLOCK:
            await self._end_of(self._start(self._by_hand("unlock", "unlock")))
        elif act.deed is Deed.ROLL_BACK:
            to = ("--to", f"{self._name}-one")
            await self._end_of(self._start(self._by_hand("rollback", "rollback", *to)))
        elif act.deed is Deed.RIVAL:
            wait_s = 8.0 if self._round.rival_waits else 0.0
            mode = self._round.rival.value
            image = f"chaos:{mode}"
            self._start(Orders("rival", self._name, image=image, mode=mode, wait_s=wait_s))
        else:
            await self._stage.do(act.deed, self._name, self._round.way)

    # --- afterwards

    async def _lapse(self):
        """Waits until the lease has run out, if somebody holds it."""
        await asyncio.sleep(self._under_way_s())
        lapses = until(await self._stage.service(self._name))
        if lapses and self._round.early:
            await self._end_of(self._start(self._recover_command("early")))
            lapses = until(await self._stage.service(self._name))
        if not lapses:
            return
        left_s = (lapses - datetime.now(UTC)).total_seconds() + LEEWAY_S
        if left_s < LONG_S:
            await asyncio.sleep(max(left_s, 0))
        else:  # of a command line, whose moves may take two minutes to come into effect
            await self._end_of(self._start(self._by_hand("unlock", "unlock")))

    async def _recover(self):
        """A second process takes back what was left."""
        round_ = self._round
        if round_.after is After.ROLLOUT and not self._late:
            await self._end_of(self._start(self._next()))
            return
        if round_.after is After.RECOVER_KILLED:
            await self._recover_killed()
        await self._end_of(self._start(self._recover_command("recover")))

    def _next(self):
        return Orders("next", self._name, image="chaos:good", mode="good")

    async def _recover_killed(self):
        """Whoever recovers dies, too."""
        held = f"{self._name}-r"
        await self._stage.switch_on(held, self._name, self._hold(self._round.again_at))
        first = self._start(self._recover_command("first"))
        if await self._reached(held, first):
            self._record.kills.append(f"kill recovery {self._round.again_at}"[:-2])
            first.kill()
        await self._end_of(first)
        await self._stage.switch_off(held)

    def _recover_command(self, role):
        return Orders(role, self._name, ("recover", *self._place(), "--output", "json"))

    def _by_hand(self, role, command, *more):
        why = ("--reason", role, "--yes", "--output", "json")
        return Orders(role, self._name, (command, *self._place(), *why, *more))

    def _place(self):
        where = ("--project", PROJECT, "--region", REGION)
        return (*where, "--service", self._name)

    def _orders(self):
        """What the gate of this round is asked for."""
        round_, name = self._round, self._name
        mode, candidate = round_.image.value, f"{name}-cand"
        image = f"chaos:{mode}"
        by_policy = ("--policy", str(self._policy))
        match round_.task:
            case Task.ROLLOUT if not round_.cli:
                return Orders("main", name, image=image, mode=mode)
            case Task.ADOPT if not round_.cli:
                return Orders("main", name, revision=candidate, mode=mode)
            case Task.ROLLOUT | Task.ADOPT:
                adopts = round_.task is Task.ADOPT
                what = ("--revision", candidate) if adopts else ("--image", image)
                argv = ("rollout", *by_policy, *self._place(), *what, "--output", "json")
                return Orders("main", name, argv, mode=mode)
            case Task.ROLLBACK:
                return self._by_hand("main", "rollback", "--to", f"{name}-old")
            case Task.ROLLBACK_ASKED:
                return self._by_hand("main", "rollback", "--to", f"{name}-old", *by_policy)
            case Task.PROMOTE:
                return self._by_hand("main", "promote", "--revision", candidate)

    async def _arrive(self):
        """What dead gates had sent, and nobody had seen until now."""
        for held in self._late:
            await self._stage.release(held, carry_out=True)
            await self._stage.switch_off(held)

    def _under_way_s(self):
        """How long a call of a dead gate may still be under way."""
        return max(
            (rule["seconds"] + 0.1 for rule in self._round.faults if rule["do"] == "delay"),
            default=0.0,
        )

    async def _read_back(self):
        stage, record = self._stage, self._record
        await asyncio.sleep(INGESTED_S if self._round.rude else 0)
        record.final = await stage.service(self._name)
        record.moments = await stage.history(self._name)
        record.entries = await stage.ledger(self._name)
        record.revisions = await stage.revisions(self._name)
        record.runs = [
            Run(
                gate.orders.role,
                gate.orders.mode,
                (gate.orders.argv or ("rollout",))[0],
                gate.code,
                gate.killed,
                gate.hung,
                tuple(gate.signals),
                gate.cut,
                gate.outcome(),
                gate.said(),
            )
            for gate in self._gates
        ]
