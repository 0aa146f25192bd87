"""The rollouts of one service as its ledger tells of them: what each did, and how it ended.

An outcome says which intentions its rollout has written, so that none can be added or taken away. A
later rollout says which outcomes it found, so that none of these can be. Only the newest are not
vouched for by anybody yet; of those what counts (who, why, verdict and evidence) must be what their
own last intention says, whose hash is on the service.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable

import msgspec

from gate.core.texts import shortened
from gate.ledger.chain import Chain
from gate.ledger.findings import Finding, What
from gate.ledger.seen import CLAIMED, Claims, Seen, Vouched, texts, vouched

WINDOW = 512
"""Most rollouts that are remembered at once."""
MOVED = frozenset({"promoted", "rolled back", "regressed"})
"""Endings that no rollout can have that never wrote."""
NOTHING_DONE = frozenset({"failed", "unchanged", "recovered", "busy", "refused"})
"""Endings that no rollout has any more once a write names another one."""
IN_ONE_WRITE = {
    "recover": "recovering",
    "unlock": "recovering",
    "rollback": "moving",
    "promote": "moving",
}
"""What is done by one write, by the kind of command: once that was accepted, it did not fail."""
VALUE_MAX = 80
"""Most characters of a value that differs."""
DECIDED = MOVED | {"rejected"}
"""Endings that are final once a write names them."""


class Story(msgspec.Struct, gc=False):
    """One rollout."""

    rollout: str
    legacy: bool = False
    at: str = ""
    claims: Claims = ()
    intentions: dict[str, str] = {}
    listed: tuple[str, ...] = ()
    unkept: tuple[str, ...] = ()
    ending: str = ""
    outcome: str = ""
    outcome_at: str = ""
    others: tuple[tuple[str, str, str], ...] = ()
    previous: str = ""
    last_at: str = ""
    last: str = ""
    last_phase: str = ""
    last_ending: str = ""
    last_evidence: str = ""
    vouched: Vouched | None = None
    vouched_by: str = ""
    taken_back: bool = False


class Stories:
    """Puts one service's rollouts together.

    Args:
        service: `PROJECT/REGION/NAME`.
        find: hears what is wrong.
        chain: of its intentions.

    Attributes:
        cut: how many outcomes hold a part of their evidence only.
        bundles: of the first of these: rollout, time, where all of it is, and its hash.
        unfinished: rollouts without an outcome.
        taken_back: those of which another one took back what they had left.
        unvouched: rollouts whose outcome nobody vouches for, the oldest first.
        since: when the first entry of all was written.
    """

    def __init__(self, service: str, find: Callable[[Finding], None], chain: Chain) -> None:
        self.cut = 0
        self.bundles: list[tuple[str, str, str, str]] = []
        self.unfinished: list[str] = []
        self.taken_back: list[str] = []
        self.unvouched: list[str] = []
        self._service = service
        self._find = find
        self._chain = chain
        self.since = ""
        self._open: OrderedDict[str, Story] = OrderedDict()
        self._heard = msgspec.Raw(b"")

    def intention(self, entry: Seen, digest: str) -> None:
        """Takes an intention that was not there before."""
        story = self._open.get(entry.rollout) or self._begin(entry)
        if story.outcome or not story.claims:
            self._agree(story, entry)
        story.intentions[digest] = entry.at
        if entry.at > story.last_at:
            story.last, story.last_at, story.last_phase = digest, entry.at, entry.phase
            story.last_ending, story.last_evidence = entry.decided, entry.evidence_digest
        if entry.outcomes != self._heard:
            self._heard = msgspec.Raw(bytes(entry.outcomes))
            self._vouch(entry, vouched(entry.outcomes))

    def outcome(self, entry: Seen, digest: str) -> bool:
        """Takes an outcome; False where it is there already."""
        story = self._open.get(entry.rollout) or self._begin(entry)
        if digest == story.outcome or digest in (other for other, *_ in story.others):
            return False
        self._agree(story, entry)
        if story.outcome:
            self._second(story, entry, digest)
            return True
        story.outcome, story.outcome_at, story.ending = digest, entry.at, entry.ending
        story.listed = tuple(texts(entry.intentions))
        story.unkept = tuple(texts(entry.intentions_unkept))
        for back in texts(entry.took_back):
            if back in self._open:
                self._open[back].taken_back = True
        if entry.format > 1:
            self._judge(story, entry)
        return True

    def close(self) -> None:
        """No more entries come."""
        while self._open:
            self._end(self._open.popitem(last=False)[1])

    def _begin(self, entry: Seen) -> Story:
        self.since = self.since or entry.at
        story = self._open[entry.rollout] = Story(entry.rollout, entry.format == 1, entry.at)
        if len(self._open) > WINDOW:
            self._end(self._open.popitem(last=False)[1])
        return story

    def _agree(self, story: Story, entry: Seen) -> None:
        """What every entry of a rollout says alike."""
        claims = entry.claims
        if not story.claims:
            story.claims = claims
        elif claims != story.claims:
            text = (
                f"the {entry.entry} of {entry.at} says otherwise than rollout {story.rollout}'s "
                f"other entries ({_unlike(claims, story.claims)}): one of them was altered"
            )
            self._say(What.ALTERED, text, story, entry.at)

    def _second(self, story: Story, entry: Seen, digest: str) -> None:
        story.others += ((digest, entry.at, entry.ending),)
        known = story.vouched.digest if story.vouched else ""
        forged = {story.outcome: "the second", digest: "the first"}.get(known, "one of them")
        text = (
            f"rollout {story.rollout} has two outcomes, {story.ending!r} of {story.outcome_at} and "
            f"{entry.ending!r} of {entry.at}: {forged} is forged"
        )
        self._say(What.DOUBLED, text, story, entry.at)

    def _judge(self, story: Story, entry: Seen) -> None:
        """An outcome by itself, and beside the intentions of its rollout."""
        if entry.previous not in story.unkept and not self._chain.hears_of(entry.previous):
            story.previous = entry.previous  # it may still come
        if entry.left_out:
            self.cut += 1
            if entry.bundle and len(self.bundles) < WINDOW:
                one = (entry.rollout, entry.at, entry.bundle, entry.evidence_digest)
                self.bundles.append(one)
        elif entry.judged != entry.evidence_digest:
            text = (
                f"the evidence or the verdict of rollout {story.rollout} ({entry.at}) is not what "
                "was recorded: it was altered"
            )
            self._say(What.ALTERED, text, story, entry.at)
        ending, evidence = story.last_ending, story.last_evidence
        differs = entry.ending in DECIDED and entry.ending != ending
        if ending and (differs or entry.evidence_digest != evidence):
            told = f"rests on other evidence or another ending ({ending!r})"
        elif story.last and not story.unkept and _contradicts(story, entry):
            told = f"({story.last_phase}) was decided {ending!r}" if ending else "had done it"
        else:
            return
        text = (
            f"the outcome of rollout {story.rollout} ({entry.at}) says {entry.ending!r}, and "
            f"its last write {told}: it was altered or forged"
        )
        self._say(What.ALTERED, text, story, entry.at)

    def _vouch(self, entry: Seen, outcomes: Iterable[Vouched]) -> None:
        """Another rollout says which outcomes there were."""
        for one in outcomes:
            story = self._open.get(one.rollout)
            if story is None:
                if one.at < self.since:
                    continue
                story = self._open[one.rollout] = Story(one.rollout, at=one.at)
            if story.vouched is None:
                story.vouched, story.vouched_by = one, entry.rollout
            elif story.vouched.digest != one.digest:
                text = (
                    f"rollouts {story.vouched_by} and {entry.rollout} have seen different outcomes "
                    f"of rollout {story.rollout}: one was forged"
                )
                self._say(What.DOUBLED, text, story, entry.at)

    def _end(self, story: Story) -> None:
        """Everything is known of it that there is."""
        if story.vouched and story.outcome != story.vouched.digest:
            self._not_as_vouched(story, story.vouched)
        if not story.outcome:
            if story.intentions and not story.vouched:
                (self.taken_back if story.taken_back else self.unfinished).append(story.rollout)
            return
        if story.legacy:
            return
        if not story.vouched:
            self.unvouched.append(story.rollout)
        self._count(story)

    def _count(self, story: Story) -> None:
        """Whether the ledger has the very intentions that the outcome lists."""
        first = self._chain.first
        if first is None or (first.sequence > 1 and story.outcome_at <= first.at):
            return  # the ledger begins after its writes
        if story.previous and not self._chain.hears_of(story.previous):
            text = (
                f"the outcome of rollout {story.rollout} ({story.outcome_at}) follows an entry "
                "that the ledger does not have: that one was removed, or this one invented"
            )
            self._say(What.MISSING, text, story, story.outcome_at)
        if story.ending in MOVED and not self._may_have_moved(story):
            text = (
                f"the outcome of rollout {story.rollout} ({story.outcome_at}) says "
                f"{story.ending!r}, and no write of it took effect: it was invented, or the "
                "service's mark was set back"
            )
            self._say(What.INVENTED, text, story, story.outcome_at)
        if story.listed == tuple(story.intentions):
            return
        known = {*story.listed, *story.unkept}
        more = [at for digest, at in story.intentions.items() if digest not in known]
        lost = [digest for digest in story.listed if digest not in story.intentions]
        first_ones = story.listed[: len(lost)] == tuple(lost)
        if lost and first_ones and not more and self.since >= story.at:
            return  # the ledger begins in the middle of it
        if more or lost:
            self._other_intentions(story, more, len(lost))

    def _may_have_moved(self, story: Story) -> bool:
        own = (*story.intentions, *story.unkept)
        until = story.outcome_at
        return any(self._chain.may_have_moved(one, story.rollout, until) for one in own)

    def _other_intentions(self, story: Story, more: list[str], lost: int) -> None:
        """Intentions are not those of which the outcome knows."""
        whose = f"rollout {story.rollout} (outcome of {story.outcome_at})"
        if not more:
            text = f"{lost} of the {len(story.listed)} intentions of {whose} are not in the ledger"
            self._say(What.MISSING, text, story, story.outcome_at)
        elif lost:
            text = f"intentions of {whose} are not those that it has written: {', '.join(more)}"
            self._say(What.ALTERED, text, story, more[0])
        else:
            text = f"{whose} knows nothing of intentions of {', '.join(more)}: they were invented"
            self._say(What.INVENTED, text, story, more[0])

    def _not_as_vouched(self, story: Story, vouched: Vouched) -> None:
        if any(vouched.digest == other for other, *_ in story.others):
            return  # told as doubled
        by = f"rollout {story.vouched_by} has seen one of {vouched.at}"
        if story.outcome:
            text = f"the outcome of rollout {story.rollout} was altered: {by} that said otherwise"
            self._say(What.ALTERED, text, story, story.outcome_at)
        else:
            text = f"the outcome of rollout {story.rollout} is not in the ledger: {by}"
            self._say(What.MISSING, text, story, vouched.at)

    def _say(self, what: What, text: str, story: Story, at: str) -> None:
        self._find(Finding(what, text, self._service, story.rollout, at))


def _contradicts(story: Story, entry: Seen) -> bool:
    """Whether an outcome has an ending that its rollout's last write rules out."""
    if entry.ending == "reverted":
        return story.last_ending != entry.ending  # a write of its own goes back
    if story.last_ending:
        return entry.ending in NOTHING_DONE and entry.ending != story.last_ending
    did = entry.previous == story.last and IN_ONE_WRITE.get(entry.kind) == story.last_phase
    return did and entry.ending == "failed"


def _unlike(here: Claims, there: Claims) -> str:
    """The fields that differ, with both values."""
    pairs = zip(CLAIMED, here, there, strict=True)
    return "; ".join(
        f"{name} is {_value(one)}, and {_value(other)} there"
        for name, one, other in pairs
        if one != other
    )


def _value(claim: str | msgspec.Raw) -> str:
    told = claim if isinstance(claim, str) else bytes(claim).decode("utf-8", "replace")
    return shortened(told, VALUE_MAX) or "nothing"
