"""Whether a ledger is whole, for people: the one document of a verification as lines."""

from collections.abc import Sequence
from textwrap import wrap

from gate.core.policy import Json
from gate.report.fields import Entry, child, children, number, text
from gate.report.safe import WHOLE, safe

NAMES_MAX = 5
UNCHECKED = (
    "  whether its end is missing was not checked: that needs --head N:SHA256 of the last write"
)


def verified_lines(value: dict[str, Json], width: int) -> list[str]:
    """What was verified, then what is wrong, then what follows from it.

    Args:
        value: as gate.ledger.findings has it.
        width: columns.
    """
    lines: list[str] = []
    for service in children(value, "services"):
        lines += _service(service)
    findings, notes = children(value, "findings"), children(value, "notes")
    if notes:
        lines.append("")
    for note in notes:
        lines += _wrapped(f"note: {text(note, 'what')}, taken back and decided on", note, width)
    if findings:
        lines.append("")
    for finding in findings:
        lines += _wrapped(text(finding, "what").upper(), finding, width)
    if more := number(value, "findings_left_out"):
        lines.append(f"and {_count(more, 'more finding')}")
    verdict = _count(len(findings) + (more or 0), "finding")
    return [
        *lines,
        "",
        *_several(children(value, "services"), width),
        f"the record is {'whole' if value.get('whole') else f'not whole: {verdict}'}",
    ]


def _several(services: Sequence[Entry], width: int) -> list[str]:
    """Which services were verified, where nobody has asked for one."""
    if len(services) < 2:
        return []
    each = ", ".join(
        f"{safe(text(one, 'service'))} ({_entries(number(one, 'entries') or 0)})"
        for one in services
    )
    told = (
        f"verified are the {len(services)} services that have entries: {each}; with --project, "
        "--region and --service one of them is, and entries of others are findings"
    )
    return wrap(told, max(width, 40), break_long_words=False, break_on_hyphens=False)


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _wrapped(head: str, finding: Entry, width: int) -> list[str]:
    said = f"{head}: {safe(text(finding, 'text'), WHOLE)}"
    return wrap(
        said,
        max(width, 40),
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,  # names and revisions are copied
    )


def _service(service: Entry) -> list[str]:
    chain, before = child(service, "chain"), child(service, "before_the_chain")
    head = child(chain, "head")
    lines = [f"{safe(text(service, 'service'))}: {_entries(number(service, 'entries') or 0)}"]
    if count := number(before, "entries"):
        until = safe(text(before, "until"))
        lines.append(f"  {count} from before the chain, until {until}: nothing vouches for them")
    if first := number(chain, "first"):
        lines.append(
            f"  the chain goes from entry {first} ({safe(text(chain, 'since'))}) to entry "
            f"{number(head, 'sequence')} ({safe(text(chain, 'at'))}, rollout "
            f"{safe(text(chain, 'rollout'))}), head "
            f"{number(head, 'sequence')}:{safe(text(head, 'digest'))}"
        )
        if chain.get("end_checked") is False:
            lines.append(UNCHECKED)
        if first > 1:
            lines.append(f"  what came before entry {first} is not in it")
    if count := number(service, "took_no_effect"):
        lines.append(f"  {_count(count, 'intention')} took no effect: somebody else wrote first")
    if count := number(service, "doubled"):
        lines.append(f"  {_entries(count)} came again, the same")
    if count := number(service, "evidence_cut"):
        whose = "outcome has a part of its" if count == 1 else "outcomes have a part of their"
        lines.append(f"  {count} {whose} evidence only")
    lines += _signatures(child(service, "signatures"))
    lines += _named(service, "unfinished", "without an outcome (at work, killed, or it is lost)")
    lines += _named(service, "taken_back", "without an outcome, which another one took back")
    lines += _named(service, "not_vouched_for_yet", "whose outcome no later rollout vouches for")
    return lines


def _signatures(signatures: Entry) -> list[str]:
    signed, before = number(signatures, "signed"), number(signatures, "unsigned_before")
    all_of_them = f"{signed} outcomes are signed as they should be"
    told = "1 outcome is signed as it should be" if signed == 1 else all_of_them
    are = "is" if before == 1 else "are"
    lines = [f"  {told}"] if signed else []
    return [*lines, *([f"  {before} before the first of them {are} not signed"] if before else [])]


def _named(service: Entry, key: str, what: str) -> list[str]:
    found = service.get(key)
    names: Sequence[str] = [safe(str(one)) for one in found] if isinstance(found, list) else []
    if not names:
        return []
    more = f" and {len(names) - NAMES_MAX} before" if len(names) > NAMES_MAX else ""
    noun = "rollout" if len(names) == 1 else "rollouts"
    return [f"  {len(names)} {noun} {what}: {', '.join(names[-NAMES_MAX:])}{more}"]
