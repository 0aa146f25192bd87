"""Folds lines of a log that look like errors: a trace of many lines is one finding. Pure.

What containers print without a severity is text, one entry a line as a rule: a Python traceback is
a dozen entries, of which only the last one says what happened.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_PYTHON = re.compile(r"^\W*(?P<group>Exception Group )?Traceback \(most recent call last\):")
_IN_GROUP = re.compile(r"^\s+\|\s+(?P<title>[\w.]*(?:Error|Exception|Interrupt|Exit)\b.*)")
_RAISED = re.compile(
    r"^(?:Uncaught |Unhandled |Unhandled exception\. |Exception in thread \"[^\"]*\" "
    r"|PHP Fatal error: +Uncaught |\(node:\d+\) (?:\[\w+\] )?(?:\w+Warning: )?)?"
    r"(?P<name>[\w.$\\]*(?:Error|Exception|Throwable|Failure|Fault))\b[:\s(\[]?"
)
_FRAME = re.compile(
    r"^\s+(?:at |from |File \"|\.\.\. \d+ more|\([\w -]+\) \S+:\d+: )|^\t\S+:\d+|^#\d+ "
)
_PANIC = re.compile(
    r"^(?:\d{4}/\d\d/\d\d [\d:.]+ )?(?:panic: |http: panic serving )|^fatal error: "
    r"|^thread '[^']*' (?:\(\d+\) )?panicked at"
    r"|^\S+\.rb:\d+:in .+\([\w:]+\)$|^\*\* \((?:[A-Z][\w.]*|exit|stop|throw)\) "
    r"|^(?:fail|crit): \S+\[\d+\]$"
)
"""Of Go, Rust, Ruby, Elixir and .NET's console."""
_PANIC_PART = re.compile(
    r"^(?:goroutine \d+ \[|\S+\(.*\)$|created by |exit status \d|\[signal |note: run with )"
)
_CHAINED = re.compile(r"^(?:During handling of the above|The above exception was)")
_WITHIN = re.compile(r"^(?:\s|$|Caused by: |Stack trace:$)")
_ENDS_PYTHON = re.compile(r"^[\w.]+(?::|$)")
_LINE = re.compile(
    r"^(?:[^\s:]\S*\s+){0,4}?[\[(<]?(?:ERROR|FATAL|CRITICAL|PANIC|SEVERE|EMERG|ALERT|ERR|FTL|CRIT)(?:[\])>:\s|]|$)"
    r"|^(?:\S+\s+){0,3}?(?:[\[(<](?:error|fatal|crit)[\])>]|(?:error|fatal):)"
    r"|^.*\b(?:level|lvl)=\"?(?:error|fatal|panic|crit|ERROR|FATAL|eror)|^[EF]\d{4} \d\d:"
    r"|^(?:Unhandled|Uncaught|\(node:\d+\) UnhandledPromise|(?:PHP )?Fatal error)"
    r"|^(?:Segmentation fault|Bus error|Illegal instruction|Out of memory)\b|^.*\(core dumped\)$"
)
_MILDER = re.compile(
    r"^\W*(?:\S+\s+){0,3}?\W?(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?)\b", re.IGNORECASE
)
_HARMLESS = re.compile(r"\b(?:0|no|without) errors?\b", re.IGNORECASE)
_VARYING = re.compile(r"0x[0-9a-f]+|[0-9a-f]{8,}|\d+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LooksLikeError:
    """One kind of error in a log.

    Attributes:
        title: the line that says what happened.
        trace: whether it is a trace; else a line by itself.
        count: how often it came.
        lines: of how many lines all of them are.
    """

    title: str
    trace: bool
    count: int = 1
    lines: int = 1

    @property
    def kind(self) -> str:
        """The same for errors that differ in numbers and ids only."""
        return _VARYING.sub("#", self.title.partition(": ")[0] if self.trace else self.title)

    def __str__(self) -> str:
        what = "trace" if self.trace else "line"
        times = f"{self.count} {what}{'s' if self.count > 1 else ''}"
        return f"{times}: {self.title}"


def folded(texts: Iterable[str]) -> list[LooksLikeError]:
    """The errors that some texts look like, the most frequent first.

    Args:
        texts: of entries, oldest first; each may have several lines.
    """
    reading = _Reading()
    for text in texts:
        for line in text.splitlines() or [""]:
            reading.take(_COLOURS.sub("", line).rstrip())
    reading.end()
    return _counted(reading.found)


class _Reading:
    """Goes from line to line."""

    def __init__(self) -> None:
        self.found: list[LooksLikeError] = []
        self._begin("")

    def take(self, line: str) -> None:
        """The next line."""
        if self._title and self._goes_on(line):
            self._lines += 1
            return
        self.end()
        if python := _PYTHON.match(line):
            self._begin(line, python=not python["group"])
            self._trace = True
        elif _PANIC.match(line) or _RAISED.match(line):
            self._begin(line, panic=bool(_PANIC.match(line)))
        elif _LINE.match(line) and not _MILDER.match(line) and not _HARMLESS.search(line):
            self.found.append(LooksLikeError(line.strip(), trace=False))

    def end(self) -> None:
        """Whatever was open is over; a name of an error without a frame is a line by itself."""
        if self._title:
            self.found.append(LooksLikeError(self._title, self._trace, 1, self._lines))
        self._begin("")

    def _begin(self, line: str, *, python: bool = False, panic: bool = False) -> None:
        self._title, self._lines = line.strip(), 1
        self._trace = python or panic
        self._python, self._panic = python, panic
        self._chained = False

    def _goes_on(self, line: str) -> bool:
        """Whether the line belongs to what is open; notes what it says."""
        if inner := _IN_GROUP.match(line):
            self._title = inner["title"].strip()
        if _FRAME.match(line) or (self._panic and _PANIC_PART.match(line)):
            self._trace = True
            return True
        if _WITHIN.match(line):
            return True
        if self._python and _ENDS_PYTHON.match(line):
            self._title, self._python = line.strip(), False
            return True
        if self._chained and _PYTHON.match(line):
            self._python, self._chained = True, False
            return True
        self._chained = self._trace and bool(_CHAINED.match(line))
        return self._chained


def _counted(found: Iterable[LooksLikeError]) -> list[LooksLikeError]:
    kinds: dict[tuple[bool, str], LooksLikeError] = {}
    for one in found:
        key = (one.trace, one.kind)
        before = kinds.get(key)
        if before is None:
            kinds[key] = one
        else:
            more = LooksLikeError(one.title, one.trace, before.count + 1, before.lines + one.lines)
            kinds[key] = more
    return sorted(kinds.values(), key=lambda one: (not one.trace, -one.count))
