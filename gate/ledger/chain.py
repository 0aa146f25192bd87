"""The chain of a service's intentions: each follows the one that explains the last write.

The service itself decides which of several intentions that follow the same one took effect: it is
the one that the next intention names, since that was read from the service. The others were
refused, or their gate died before it wrote; nothing may follow them.

Reads entries in the order of their times and holds no more than a window of them. Clocks disagree,
so an entry may come before the one that it follows: it waits for that one for a while.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from gate.ledger.findings import Finding, Head, What
from gate.ledger.seen import Seen, shares

WINDOW = 4_000
"""So many entries' places in the chain are remembered at least, and twice as many at most."""
WAITING_MAX = 64
"""Most entries that wait for the one that they follow."""
CLOCKS_S = 60.0
"""How much clocks may disagree: beyond, one was wrong."""
WAITS_S = 3_600.0
"""How long an entry waits for the one before it, or for the outcome that says that it was lost."""

Shares = dict[str, int]
_NOTHING = msgspec.Raw(b"")


class Link(msgspec.Struct, gc=False):
    """One intention's place: what is remembered of it.

    Attributes:
        wanted: the traffic that it asked for, as it is written; forgotten once nobody asks.
        effective: whether it took effect, or may have, as far as is known.
        left: whether another history goes on from before it: nothing is to follow it.
    """

    digest: str
    sequence: int
    rollout: str = ""
    at: str = ""
    wanted: msgspec.Raw = _NOTHING
    effective: bool = False
    left: bool = False

    @property
    def told(self) -> str:
        """For people."""
        whose = f" (rollout {self.rollout}, {self.at})" if self.rollout else ""
        return f"entry {self.sequence}{whose}"


class Chain:
    """Puts one service's intentions in their order.

    Args:
        service: `PROJECT/REGION/NAME`.
        find: hears what is wrong.
        drifted: hears of traffic that moved without an entry: the finding, the intention that met
            it and its hash, and the percents that the entry before had asked for.

    Attributes:
        first: the first entry, None before there was one.
        head: the last entry that is known to have taken effect.
        tips: those that follow it, of which one may have.
        refused: how many took no effect.
    """

    def __init__(
        self,
        service: str,
        find: Callable[[Finding], None],
        drifted: Callable[[Finding, Seen, str, Shares], None],
    ) -> None:
        self.first: Link | None = None
        self.head = Link("", 0)
        self.tips: dict[str, Link] = {}
        self.refused = 0
        self._service = service
        self._find = find
        self._drifted = drifted
        self.head.effective = True
        self._root = self.head
        self._past: dict[str, Link] = {}
        self._before: dict[str, Link] = {}
        self._unkept: dict[str, None] = {}
        self._waiting: dict[str, list[tuple[Seen, str]]] = {}
        self._waits = 0
        self._moved_since = ""
        self._outcome = Link("", 0)

    def knows(self, digest: str) -> bool:
        """Whether an entry of this hash has come."""
        return digest in self.tips or self._known(digest) is not None

    def hears_of(self, digest: str) -> bool:
        """Whether one has come, or an outcome says that it may not have been kept."""
        return self.knows(digest) or digest in self._unkept

    def may_have_moved(self, digest: str, rollout: str, until: str) -> bool:
        """Whether an intention of a rollout took effect, or nobody can say by then."""
        if link := self._known(digest):
            return link.effective and link.rollout in ("", rollout)
        return digest in self.tips or (digest in self._unkept and self.newest.at <= until)

    def took_effect(self, digest: str) -> bool:
        """Whether an intention did, as far as entries tell: nothing else followed the same one."""
        link = self._known(digest)
        return link.effective if link else self.tips.keys() == {digest}

    def legacy(self, digest: str, entry: Seen) -> None:
        """Takes an intention of format 1, which the first one of the chain may follow."""
        link = Link(digest, 0, entry.rollout, entry.at)
        if self.first is None:
            self._remember(link, effective=True)

    def add(self, entry: Seen, digest: str) -> bool:
        """Takes an intention; False where it is there already."""
        tips = self.tips
        if entry.previous in tips and len(tips) == 1 and not self._waiting:
            tip = tips.pop(entry.previous)
            self._go_on(tip)
            self._follow(tip, entry, digest)
            return True
        if self.knows(digest):
            return False
        if self.first is None:
            self._begin(entry, digest)
        else:
            self._place(entry, digest)
        if self._waiting:
            self._wake(digest)
            self._give_up(entry.at)
        return True

    def unkept(self, digests: Sequence[str]) -> None:
        """An outcome says that these intentions of its rollout may not have been kept."""
        for digest in digests:
            if not self.knows(digest):
                self._unkept[digest] = None
                if digest in self._waiting:
                    self._skip(digest)
        while len(self._unkept) > WAITING_MAX:
            del self._unkept[next(iter(self._unkept))]

    def outcome(self, entry: Seen) -> None:
        """An outcome says which entry explained the last write on the service by then."""
        if entry.at >= self._outcome.at:
            self._outcome = Link(entry.previous, entry.sequence, entry.rollout, entry.at)

    def close(self) -> None:
        """No more entries come: whoever still waits does so in vain."""
        while self._waiting:
            self._resolve(self._first_waiting())

    def end_at(self, head: Head | None) -> None:
        """Holds the end of the chain against what the service says of its last write.

        Args:
            head: the service's own word; None for a service without a mark.
        """
        if head is None or not head.digest:
            if self.head.digest:
                text = "the service carries no mark of the gate, although entries tell of writes"
                self._say(What.HEAD, text, self.newest)
        elif head.digest not in (*self.tips, *self._unkept, self.head.digest):
            self._no_match(head)
        else:
            if head.digest in self.tips:
                self._take(self.tips[head.digest], self.tips)
            self._hold_against_outcome(head)

    @property
    def newest(self) -> Link:
        """The end of the chain as far as entries tell."""
        return max(self.tips.values(), key=lambda one: one.sequence, default=self.head)

    def _hold_against_outcome(self, head: Head) -> None:
        """The last outcome has seen the mark, too: writes that nobody recorded are known by it."""
        said = self._outcome
        if head.sequence < said.sequence:
            text = (
                f"the service's last write is explained by entry {head.sequence}, but the outcome "
                f"of rollout {said.rollout} ({said.at}) tells of entry {said.sequence} on it: the "
                "mark was set back or taken away, or that outcome is forged"
            )
            self._say(What.HEAD, text, said)

    def _no_match(self, head: Head) -> None:
        newest = self.newest
        if known := self._known(head.digest):
            text = (
                f"the service's last write is explained by {known.told}, but "
                f"the ledger goes on to {newest.told}: the mark was set back or taken away, or "
                "entries are forged"
            )
            self._say(What.HEAD, text, newest)
        elif head.sequence > newest.sequence:
            count = head.sequence - newest.sequence
            text = (
                f"the service was written on {'once' if count == 1 else f'{count} times'} after "
                f"{newest.told}, and the ledger lacks {'that entry' if count == 1 else 'those'}: "
                "lost or removed (a new one takes some seconds to appear)"
            )
            self._say(What.END_LOST, text, newest)
        else:
            text = (
                f"the service's last write is explained by an entry {head.sequence} that is not "
                f"in the ledger, which has {newest.told} there: it was altered, or the mark was"
            )
            self._say(What.ALTERED if head.sequence == newest.sequence else What.HEAD, text, newest)

    def _begin(self, entry: Seen, digest: str) -> None:
        """The first intention that there is: the chain's own first, or the first that is kept."""
        self.first = link = _link(entry, digest)
        known = self._known(entry.previous)
        if known is None or entry.sequence != 1:
            known = Link(entry.previous, entry.sequence - 1)
            self._remember(known, effective=True)
        self.head = known
        self.tips[digest] = link

    def _place(self, entry: Seen, digest: str) -> None:
        before = entry.previous
        if before == self.head.digest:
            self._follow(self.head, entry, digest)
        elif before in self.tips:
            tip = self.tips.pop(before)
            self._take(tip, self.tips)
            self._follow(tip, entry, digest)
        elif link := self._known(before):
            if link.effective and not link.left:  # by then its read was old
                self.refused += 1
                self._remember(_link(entry, digest), effective=False)
            else:
                self._fork(link, entry, digest)
        else:
            self._waiting.setdefault(before, []).append((entry, digest))
            self._waits += 1
            if before in self._unkept:
                self._skip(before)

    def _follow(self, before: Link, entry: Seen, digest: str) -> None:
        self.tips[digest] = link = Link(
            digest, entry.sequence, entry.rollout, entry.at, entry.traffic_wanted
        )
        if entry.sequence != before.sequence + 1:
            text = f"entry {entry.sequence} follows {before.told}: no gate counts like that"
            self._say(What.INVENTED, text, link)
        if entry.at < before.at and _apart_s(entry.at, before.at) > CLOCKS_S:
            text = (
                f"{link.told} follows {before.told} and was written "
                f"{_apart_s(entry.at, before.at):.0f} s before it: a clock was set back"
            )
            self._say(What.CLOCK, text, link)
        if before.wanted != entry.traffic_now:
            self._compare(before, link, entry)

    def _compare(self, before: Link, link: Link, entry: Seen) -> None:
        """Whether traffic is still as the entry before asked for; tags may be other people's."""
        if before.wanted == _NOTHING:
            return
        was, now = shares(before.wanted), shares(entry.traffic_now)
        if was != now and before.digest != self._moved_since:
            self._moved_since = before.digest
            text = (
                f"traffic moved from {shares_text(was)} to {shares_text(now)} without an entry, "
                f"between {before.at} (rollout {before.rollout}) and {link.at} (rollout "
                f"{link.rollout})"
            )
            place = (self._service, link.rollout, link.at, link.sequence)
            self._drifted(Finding(What.DRIFT, text, *place, before.at), entry, link.digest, was)

    def _take(self, tip: Link, others: dict[str, Link]) -> None:
        """This one took effect, so that the others that followed the same one did not."""
        for other in [*others.values()]:
            if other.digest != tip.digest:
                self.refused += 1
                self._remember(other, effective=False)
        self.tips.clear()
        self._go_on(tip)

    def _jump(self, link: Link) -> None:
        """This one, which is not there, took effect, and nobody can say which did before it."""
        for other in self.tips.values():
            self._remember(other, effective=other.sequence < link.sequence)
        self._take(link, {})

    def _go_on(self, tip: Link) -> None:
        tip.effective = True
        self._past[tip.digest] = tip
        self.head.wanted = _NOTHING
        self.head = tip
        if len(self._past) > WINDOW:
            self._before, self._past = self._past, {}

    def _fork(self, tip: Link, entry: Seen, digest: str) -> None:
        """Something follows an entry that took no effect by the word of what came before."""
        link = _link(entry, digest)
        text = (
            f"{link.told} follows {tip.told}, and the ledger goes on to {self.newest.told} from "
            "another one: somebody set the service's mark back or took it away, or one is forged"
        )
        self._say(What.TWO_HEADS, text, link)
        self._outcome = Link("", 0)  # it spoke of another history
        for other in (*self.tips.values(), self.head):
            self._remember(other, effective=True)
            other.left = True
        tip.left = False
        self._take(tip, {})
        self.tips[digest] = link

    def _wake(self, digest: str) -> None:
        """Places whoever waited for this one, and for those in turn."""
        known = [digest]
        while known:
            for entry, own in self._waiting.pop(known.pop(), ()):
                self._waits -= 1
                self._place(entry, own)
                known.append(own)

    def _give_up(self, now: str) -> None:
        """Whoever has waited too long is told of, the first first."""
        while self._waiting:
            before = self._first_waiting()
            (entry, _), *_ = self._waiting[before]
            if self._waits <= WAITING_MAX and _apart_s(entry.at, now) <= WAITS_S:
                return
            self._resolve(before)

    def _first_waiting(self) -> str:
        """What the lowest entry that waits is waiting for."""
        return min(self._waiting, key=lambda one: self._waiting[one][0][0].sequence)

    def _skip(self, before: str) -> None:
        """The entry that these follow was never kept, as the outcome of its rollout says."""
        while before in self._waiting and (first := self._first_waiting()) != before:
            self._resolve(first)
        if before in self._waiting:
            entry, _ = self._waiting[before][0]
            self._jump(Link(before, entry.sequence - 1))
            self._wake(before)

    def _resolve(self, before: str) -> None:
        """What these follow will not come."""
        entry, digest = self._waiting[before][0]
        newest, link = self.newest, _link(entry, digest)
        if entry.sequence <= self.head.sequence:
            text = f"{link.told} follows an entry that the ledger does not have: no gate wrote it"
            self._say(What.INVENTED, text, link)
            self._remember(link, effective=False)
            self._waiting[before].pop(0)
            self._waits -= 1
            if not self._waiting[before]:
                del self._waiting[before]
            self._wake(digest)
            return
        lost = entry.sequence - 1 - newest.sequence
        if lost > 0:
            which = f"entry {entry.sequence - 1}"
            if lost > 1:
                which = f"entries {newest.sequence + 1} to {entry.sequence - 1}"
            text = f"{which} before {link.told} and after {newest.told}: not in the ledger"
            self._say(What.MISSING, text, link)
        else:
            there = [one for one in self.tips.values() if one.sequence == entry.sequence - 1]
            text = (
                f"{(there or [self.head])[0].told} is not the one that {link.told} follows: it was "
                "altered, or the one that took effect is missing"
            )
            self._say(What.ALTERED, text, link)
        self._jump(Link(before, entry.sequence - 1))
        self._wake(before)

    def _known(self, digest: str) -> Link | None:
        if not digest:
            return self._root
        return self._past.get(digest) or self._before.get(digest)

    def _remember(self, link: Link, *, effective: bool) -> None:
        link.effective = effective
        self._past[link.digest] = link
        if len(self._past) > WINDOW:
            self._before, self._past = self._past, {}

    def _say(self, what: What, text: str, link: Link) -> None:
        self._find(Finding(what, text, self._service, link.rollout, link.at, link.sequence))


def shares_text(found: Shares) -> str:
    """Percents by revision, for people."""
    each = (f"{percent} % {name or 'LATEST'}" for name, percent in found.items())
    return " + ".join(each) or "nobody"


def _link(entry: Seen, digest: str) -> Link:
    return Link(digest, entry.sequence, entry.rollout, entry.at, entry.traffic_wanted)


def _apart_s(earlier: str, later: str) -> float:
    """Seconds between two moments; 0 where one is none."""
    try:
        span = datetime.fromisoformat(later) - datetime.fromisoformat(earlier)
    except (ValueError, TypeError):
        return 0.0
    return span.total_seconds()
