"""Who may do what: verbs and principals, as a policy's `allow` has them."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

VERBS = ("rollout", "promote", "rollback", "approve", "override", "stop")


@dataclass(frozen=True, slots=True)
class Who:
    """Who acts.

    Attributes:
        name: an e-mail address, of a person or a service account; "" where nobody knows.
        authenticated: whether somebody else than the one who acts vouches for the name.
        doubt: why nobody does, where that is known.
    """

    name: str = ""
    authenticated: bool = False
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Permits:
    """What a policy says of who may do what; a verb that is not named is anybody's.

    Attributes:
        by_verb: patterns of names, in which `*` stands for any letters but `@`.
        claimed: whether a name counts that only the one who acts vouches for.
    """

    by_verb: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    claimed: bool = False

    def names(self, verb: str) -> bool:
        """Whether it says anything of this verb."""
        return verb in self.by_verb

    def refuses(self, verb: str, who: Who) -> str:
        """Why somebody may not do this, in words; "" if they may."""
        patterns = self.by_verb.get(verb)
        if patterns is None:
            return ""
        said = who.name or "nobody knows who"
        expected = f"expected one of {', '.join(patterns) or 'nobody'}"
        if not matches(patterns, who.name):
            return f"is not allowed to {verb} (got {said}, {expected})"
        if not who.authenticated and not self.claimed:
            why = f"; {who.doubt}" if who.doubt else ""
            return (
                f"is only said to be {said}: nothing but the caller's own word tells who it is "
                f"({expected}, by credentials{why})"
            )
        return ""


def matches(patterns: Sequence[str], name: str) -> bool:
    """Whether a name is one of those that these patterns mean; "" never is."""
    return bool(name) and any(_pattern(one).fullmatch(name.lower()) for one in patterns)


def _pattern(text: str) -> re.Pattern[str]:
    letters = "[^@]*".join(re.escape(part) for part in plain(text).lower().split("*"))
    return re.compile(letters)


def plain(member: str) -> str:
    """A name without the kind that IAM puts before it: `user:a@b.c`, `serviceAccount:a@b.c`."""
    kind, colon, name = member.partition(":")
    return name if colon and kind in {"user", "serviceAccount"} else member


def person(name: str) -> str:
    """A name without what makes no other person of it: its kind, case, width, what is not seen."""
    seen = "".join(
        letter
        for letter in unicodedata.normalize("NFKC", name)
        if unicodedata.category(letter) not in {"Cc", "Cf"}
    )
    kind, colon, rest = seen.strip().partition(":")
    known = colon and kind.strip().casefold() in {"user", "serviceaccount"}
    return (rest if known else seen).strip().casefold()
