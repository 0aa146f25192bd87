"""One request of a visit and its answer."""

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import SplitResult, urljoin, urlsplit

from gate.core.visits import Seen

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True)
class Exchange:
    """One request and its answer.

    Attributes:
        url: whole, without a fragment.
        headers: of the request, lower-case names and values, in order.
        body: what was sent, "" for nothing.
        mime: what the body is, lower-case, without parameters.
        kind: what a browser says it was asked for (`document`, `fetch`, `image`), "" if none does.
        answer: status 0 where none came.
        at_s: when it was asked, in seconds; None where nobody knows.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: str
    mime: str
    kind: str
    answer: Seen
    at_s: float | None = None

    @cached_property
    def parts(self) -> SplitResult:
        """The parts of its address."""
        return urlsplit(self.url)

    @property
    def host(self) -> str:
        """Host, and port where it names one."""
        return self.parts.netloc.rpartition("@")[2].lower()

    @property
    def path(self) -> str:
        """Without the query."""
        return self.parts.path or "/"

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}?{self.parts.query}" if self.parts.query else self.path

    @property
    def writes(self) -> bool:
        """Whether it may change what the service keeps."""
        return self.method in WRITES

    @property
    def answered_as(self) -> str:
        """The content type of its answer, lower-case, without parameters."""
        return self.answer.header("content-type").partition(";")[0].strip().lower()

    def header(self, name: str) -> str:
        """The value of a header of the request, "" where it is not there."""
        return next((value for key, value in self.headers if key == name), "")

    def local(self, address: str) -> str:
        """Path and query of an address in its answer; "" where it is on another host or is none."""
        try:
            there = urlsplit(urljoin(self.url, address))
        except ValueError:
            return ""
        if there.netloc.rpartition("@")[2].lower() != self.host or not address:
            return ""
        return f"{there.path or '/'}?{there.query}" if there.query else there.path or "/"
