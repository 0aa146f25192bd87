"""One rollout in some six lines, from the document that `gate rollout --output json` prints.

What was deployed, what was found there, whose fault that is, and where users are.
"""

import shutil
import textwrap

LABEL = 10
FAILURES_MAX = 3
WITHOUT_A_TERMINAL = 80


def width():
    """Columns of the terminal; 80 where there is none."""
    return shutil.get_terminal_size((WITHOUT_A_TERMINAL, 24)).columns


def story(outcome, judged):
    """Lines that fit the terminal.

    Args:
        outcome: how a rollout ended, as the ledger has it.
        judged: what is to be said of that.
    """
    candidate, found = outcome["candidate"], failures(outcome)
    passed = [one for one in own(outcome) if one["outcome"] == "passed"]
    asked = len(own(outcome)) + len(outcome["did_not_run"])
    count = f"{len(passed)} of {asked} probes passed"
    what = "it never got ready, so no probe was asked" if not own(outcome) else count
    deployed = f"{candidate['revision']} beside what serves, at 0 %: {what}"
    return [
        *row("deployed", deployed),
        *found,
        *row("fault", fault(outcome), 1),
        *row("users", users(outcome)),
        *row("ended", f"{outcome['ending']}, {judged}"),
    ]


def row(label, text, lines_max=2):
    """A labelled text, broken into at most so many lines; none for an empty text."""
    margin = " " * (2 + LABEL)
    lines = textwrap.wrap(
        " ".join(text.split()),
        width(),
        initial_indent=f"  {label:<{LABEL}}",
        subsequent_indent=margin,
        max_lines=lines_max,
        placeholder=" …",
    )
    return lines if text else []


def own(outcome):
    """What the candidate showed, without what stable did."""
    return [item for item in outcome["evidence"] if item["address"] != "stable"]


def failures(outcome):
    """A line or a few for each probe that did not pass; the more there are, the shorter."""
    told = [f"{name}: {what}" for name, what in _whats(outcome)]
    names = [name for name, _ in _whats(outcome)]
    lines_max = max(1, FAILURES_MAX + 1 - len(told))
    lines = []
    for text in told[:FAILURES_MAX]:
        lines += row("" if lines else "found", text, lines_max)
    more = names[FAILURES_MAX:]
    return lines + (row("", f"and {len(more)} more: {', '.join(more)}", 1) if more else [])


def _whats(outcome):
    """What was found, by the name of the probe; of a container that does not start its own word."""
    wrong = [item for item in own(outcome) if item["outcome"] != "passed"]
    if wrong or not outcome["verdict"]:
        seen = [(item["probe"], *item["findings"][:1]) for item in wrong]
        return [
            (probe, f"got {first['seen']}, expected {first['expected']}") for probe, first in seen
        ]
    reasons = [one for one in outcome["verdict"]["reasons"] if one["text"] != "did not run"]
    return [(one["subject"], next(iter(one["lines"]), one["text"])) for one in reasons]


def fault(outcome):
    """Whose fault it is, in one line; "" where nothing failed."""
    words = {item["attribution"]: item["advice"] for item in own(outcome) if item["attribution"]}
    reasons = outcome["verdict"]["reasons"] if outcome["verdict"] else []
    words |= {one["attribution"]: "" for one in reasons if one["attribution"]} if not words else {}
    return "; ".join(f"{word} ({told})" if told else word for word, told in words.items())


def users(outcome):
    """Where users are, and whether that is another place than before."""
    now = outcome["effective_after"]
    before = {one["revision"] for one in outcome["stable"] if one["percent"]}
    text = ", ".join(f"{name} {percent} %" for name, percent in now.items())
    return f"{text}, as before" if set(now) == before else f"{text}; before: {', '.join(before)}"
