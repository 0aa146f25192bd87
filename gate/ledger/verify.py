"""Verification of a ledger: whether it is whole, and fits what the service says. Pure.

Reads lines one after the other and holds no more than a window of them.
"""

from collections.abc import Iterable, Mapping

from gate.ledger.chain import Chain
from gate.ledger.drifts import Drifts
from gate.ledger.findings import Finding, Head, Report, Verified, What
from gate.ledger.rested import Rested
from gate.ledger.seen import LINE_MAX_BYTES, Seen, UnreadableLine, seen, texts
from gate.ledger.stories import Stories


class _Service:
    """What is verified of one service."""

    def __init__(self, name: str, report: Report) -> None:
        self.verified = Verified(name)
        self.drifts = Drifts(report.add, report.note)
        self.chain = Chain(name, report.add, self.drifts.moved)
        self.stories = Stories(name, report.add, self.chain)
        self.rested = Rested(name, report.add)
        self.entries = 0
        self.last_at = ""
        self.reordered = 0
        self.has_checksums = False
        self._report = report
        report.services.append(self.verified)

    def add(self, entry: Seen, digest: str) -> None:
        self.entries += 1
        if entry.at >= self.last_at:
            self.last_at = entry.at
        else:
            self._out_of_order(entry)
        if entry.entry == "outcome":
            self._check(entry)
            self._outcome(entry, digest)
        elif entry.entry == "approval":
            self._check(entry)
            self.rested.given(digest)
        elif entry.format == 1:
            self.chain.legacy(digest, entry)
            self.stories.intention(entry, digest)
        elif self.chain.add(entry, digest):
            self._intention(entry, digest)
        else:
            self.verified.doubled += 1
        if entry.format == 1:
            self._old(entry)

    def _intention(self, entry: Seen, digest: str) -> None:
        self.stories.intention(entry, digest)
        if entry.approvals:
            self.rested.rests(entry)
        if self.drifts.pending:
            self.drifts.intention(entry, digest)

    def _outcome(self, entry: Seen, digest: str) -> None:
        if not self.stories.outcome(entry, digest):
            self.verified.doubled += 1
        self.chain.outcome(entry)
        if unkept := texts(entry.intentions_unkept):
            self.chain.unkept(unkept)
        if self.drifts.pending:
            self.drifts.outcome(entry, self.chain.took_effect)

    def _check(self, entry: Seen) -> None:
        """An entry that is no part of the chain, by what it says of itself."""
        if not entry.intact:
            self._altered(entry, "does not fit its own checksum: it was altered")
        elif not entry.checksum and self.has_checksums and entry.format > 1:
            self._altered(entry, "has no checksum, as others before it have")
        self.has_checksums = self.has_checksums or bool(entry.checksum)

    def _altered(self, entry: Seen, how: str) -> None:
        text = f"the {entry.entry} of rollout {entry.rollout} ({entry.at}) {how}"
        place = (self.verified.service, entry.rollout, entry.at)
        self._report.add(Finding(What.ALTERED, text, *place))

    def _old(self, entry: Seen) -> None:
        """An entry from before the chain, or one that is no part of it."""
        self.verified.legacy += 1
        self.verified.legacy_until = entry.at
        if self.chain.first is None:
            return
        text = (
            f"the {entry.entry} of rollout {entry.rollout} ({entry.at}) is of format 1, and came "
            "after the chain had begun: an older gate is in use as well, or it was invented"
        )
        place = (self.verified.service, entry.rollout, entry.at)
        self._report.add(Finding(What.INVENTED, text, *place))

    def _out_of_order(self, entry: Seen) -> None:
        self.reordered += 1
        if self.reordered == 1:
            text = (
                f"the {entry.entry} of rollout {entry.rollout} ({entry.at}) comes after one of "
                f"{self.last_at}: entries were put in another order"
            )
            place = (self.verified.service, entry.rollout, entry.at, entry.sequence)
            self._report.add(Finding(What.REORDERED, text, *place))

    def close(self, *, heads: Mapping[str, Head | None]) -> None:
        verified, chain, stories = self.verified, self.chain, self.stories
        chain.close()
        if verified.service in heads:
            chain.end_at(heads[verified.service])
        stories.close()
        self.drifts.close()
        self.rested.close(stories.since)
        newest = chain.newest
        verified.end_checked = verified.service in heads
        verified.entries, verified.since = self.entries, stories.since
        verified.first = chain.first.sequence if chain.first else 0
        verified.began = chain.first.at if chain.first else ""
        verified.head = Head(newest.sequence, newest.digest)
        verified.head_rollout, verified.head_at = newest.rollout, newest.at
        verified.refused, verified.cut = chain.refused, stories.cut
        verified.taken_back = stories.taken_back
        verified.bundles = stories.bundles
        verified.unfinished, verified.unvouched = stories.unfinished, stories.unvouched


def verify(
    lines: Iterable[bytes], only: str = "", heads: Mapping[str, Head | None] | None = None
) -> Report:
    """Verifies a ledger.

    Args:
        lines: its entries as JSON, one each, the oldest first.
        only: the service that it is the ledger of, `PROJECT/REGION/NAME`; "" where it may be that
            of several.
        heads: what services say of their last write, by the same name; None for one without a
            mark. A service that is not in it is verified by its entries alone. With "" for a name
            it is whichever is the only one.
    """
    report = Report()
    services: dict[str, _Service] = {}
    foreign: dict[str, int] = {}
    project = region = name = place = ""
    service: _Service | None = None
    for number, line in enumerate(lines, 1):
        try:
            entry, digest = seen(line)
        except UnreadableLine as error:
            report.add(_not_read(number, line, error, only))
            continue
        if entry.service != name or entry.region != region or entry.project != project:
            project, region, name = entry.project, entry.region, entry.service
            place = f"{project}/{region}/{name}"
            service = services.get(place)
        if service is not None:
            service.add(entry, digest)
        elif only and place != only:
            foreign[place] = foreign.get(place, 0) + 1
        else:
            service = services[place] = _Service(place, report)
            service.add(entry, digest)
    for place, count in foreign.items():
        are = "1 entry is" if count == 1 else f"{count} entries are"
        text = f"{are} of {place}, not of {only}"
        report.add(Finding(What.FOREIGN, text, place))
    heads = heads or {}
    if "" in heads and len(services) == 1:
        heads = dict.fromkeys(services, heads[""])
    _ended(report, services, heads)
    return report


def _not_read(number: int, line: bytes, error: UnreadableLine, only: str) -> Finding:
    if len(line) > LINE_MAX_BYTES:
        most = f"got over {LINE_MAX_BYTES} bytes"
        text = f"line {number} is larger than any entry that the store takes ({most})"
        return Finding(What.TOO_LARGE, text, only)
    return Finding(What.UNREADABLE, f"line {number} is no entry of the gate: {error}", only)


def _ended(
    report: Report, services: Mapping[str, _Service], heads: Mapping[str, Head | None]
) -> None:
    """Holds the ends against the services, one of which may have no entry at all."""
    for service in services.values():
        service.close(heads=heads)
    for place, head in heads.items():
        if head is not None and head.digest and place not in services:
            text = (
                f"the service's last write is explained by entry {head.sequence}, and the ledger "
                "has no entry of it at all"
            )
            report.add(Finding(What.END_LOST, text, place))
