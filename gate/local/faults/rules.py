"""What can be made to go wrong: rules that say which call is struck, how, and how often. Pure.

A set of rules is what the faults face takes and shows:

    {"about": "backend", "rules": [{"do": "drop-reply", "method": "UpdateService", "count": 1}]}
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Final

from gate.local.ports import JsonValue

RULES_MAX: Final = 100
SECONDS_MAX: Final = 3600.0
_TEXT_MAX: Final = 200
_TIMES_MAX: Final = 1_000_000
ANY: Final = "*"
METHODS: Final = frozenset(
    {
        *("CreateService", "UpdateService", "GetService", "ListServices", "DeleteService"),
        *("GetRevision", "ListRevisions", "DeleteRevision", "GetIamPolicy"),
        *("GetOperation", "ListOperations", "WaitOperation", "DeleteOperation"),
        *("WriteLogEntries", "ListLogEntries", "ListLogs", "DeleteLog"),
        *("AccessSecretVersion", "GenerateIdToken", "SignJwt"),
    }
)
"""What a rule may name: calls with one request and one answer, over gRPC or REST, v2 or v1."""


class Fault(Enum):
    """What happens to a call, or to the operation that a write started."""

    DROP_REQUEST = "drop-request"  # never arrives; the caller's connection is reset
    DROP_REPLY = "drop-reply"  # is carried out; the caller's connection is reset
    UNAVAILABLE = "unavailable"  # refused: UNAVAILABLE
    EXHAUSTED = "exhausted"  # refused: RESOURCE_EXHAUSTED, with the text of a quota
    CONFLICT = "conflict"  # refused: ABORTED, as if the etag were stale
    REPEAT = "repeat"  # is carried out twice; the first answer is given
    DELAY = "delay"  # is carried out `seconds` later
    LATE_REPLY = "late-reply"  # is carried out at once, answered `seconds` later
    HOLD = "hold"  # waits to be carried out until it is released
    HOLD_REPLY = "hold-reply"  # is carried out, and waits to be answered until it is released
    INTERFERE = "interfere"  # before it is carried out, a person moves traffic
    FAIL_OPERATION = "fail-operation"  # the operation fails; what served goes on serving
    ENDLESS_OPERATION = "endless-operation"  # reconciles until the rules are switched off
    SLOW_OPERATION = "slow-operation"  # takes `seconds` longer
    SLOW_TRAFFIC = "slow-traffic"  # the front end obeys `seconds` after the API says it does
    FRONT_END_502 = "front-end-502"  # the front end answers a request itself: a temporary error
    FRONT_END_503 = "front-end-503"  # it answers that it lost the container, or cannot reach it
    DENY = "deny"  # callers lack a permission: what needs it is refused, and tests of it say so


OPERATIONS: Final = frozenset({Fault.FAIL_OPERATION, Fault.ENDLESS_OPERATION, Fault.SLOW_OPERATION})
TRAFFIC: Final = frozenset({Fault.SLOW_TRAFFIC})
REQUESTS: Final = frozenset({Fault.FRONT_END_502, Fault.FRONT_END_503})
DENIALS: Final = frozenset({Fault.DENY})
CALLS: Final = frozenset(Fault) - OPERATIONS - TRAFFIC - REQUESTS - DENIALS
_TIMED: Final = frozenset({Fault.DELAY, Fault.LATE_REPLY, Fault.SLOW_OPERATION, Fault.SLOW_TRAFFIC})

_PERMISSION: Final = re.compile(r"[a-z]+(?:\.[A-Za-z]+)+")


class RuleError(ValueError):
    """Rules that cannot be obeyed; says where, and what was expected."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that goes wrong.

    Attributes:
        do: what happens.
        method: the call that is struck, by its short name, or `*`; operations have none.
        skip: how many matching calls pass first.
        count: how many calls are struck; 0 is no limit.
        odds: with which probability a matching call is struck, from the server's seed.
        seconds: how long it takes.
        shares: where a person moves traffic: revision to percent; `LATEST` is the latest ready
            one. Tags stay, as with `gcloud run services update-traffic --to-revisions`.
        service: full name of the service whose traffic the person moves.
        caller: who that is.
        permission: what callers lack.
    """

    do: Fault
    method: str = ANY
    skip: int = 0
    count: int = 0
    odds: float = 1.0
    seconds: float = 0.0
    shares: tuple[tuple[str, int], ...] = ()
    service: str = ""
    caller: str = "somebody@example.com"
    permission: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules that are switched on and off together; the first that is due strikes.

    Attributes:
        about: text that a request must contain, e.g. a service's name; "" is any. An operation's
            text is the full name of its service; a user's request has its host, port and path.
        rules: tried in this order.
    """

    about: str = ""
    rules: tuple[Rule, ...] = field(default=())

    def concerns(self, text: bytes) -> bool:
        """Tells whether a request (or the name of an operation's service) is one of these."""
        return self.about.encode() in text


def parse_rules(body: Mapping[str, JsonValue]) -> Rules:
    """Reads the JSON form.

    Raises:
        RuleError: an unknown key, a wrong type or an impossible value; names the place.
    """
    _known(body, {"about", "rules"}, "")
    listed = body.get("rules", [])
    if not isinstance(listed, list) or len(listed) > RULES_MAX:
        raise RuleError(f"rules: not a list of at most {RULES_MAX} rules")
    rules = tuple(_rule(item, f"rules[{index}]") for index, item in enumerate(listed))
    return Rules(_text(body.get("about", ""), "about"), rules)


def denials(permissions: Sequence[str]) -> Rules:
    """The rules with which callers lack these permissions.

    Raises:
        RuleError: one of them is none.
    """
    listed: list[JsonValue] = [{"do": Fault.DENY.value, "permission": one} for one in permissions]
    return parse_rules({"rules": listed})


def shown_rule(rule: Rule) -> dict[str, JsonValue]:
    """Gives a rule's JSON form; what has its default value is left out."""
    shown: dict[str, JsonValue] = {"do": rule.do.value}
    for each in fields(Rule)[1:]:
        value = getattr(rule, each.name)
        if value != each.default:
            shown[each.name] = dict(value) if each.name == "shares" else value
    return shown


def _rule(item: JsonValue, where: str) -> Rule:
    if not isinstance(item, dict):
        raise RuleError(f"{where}: not an object (got {type(item).__name__})")
    _known(item, {each.name for each in fields(Rule)}, where)
    rule = Rule(
        do=_fault(item.get("do"), f"{where}.do"),
        method=_text(item.get("method", ANY), f"{where}.method"),
        skip=int(_number(item.get("skip", 0), f"{where}.skip", _TIMES_MAX, whole=True)),
        count=int(_number(item.get("count", 0), f"{where}.count", _TIMES_MAX, whole=True)),
        odds=_number(item.get("odds", 1.0), f"{where}.odds", 1.0),
        seconds=_number(item.get("seconds", 0.0), f"{where}.seconds", SECONDS_MAX),
        shares=_shares(item.get("shares", {}), f"{where}.shares"),
        service=_text(item.get("service", ""), f"{where}.service"),
        caller=_text(item.get("caller", "somebody@example.com"), f"{where}.caller"),
        permission=_text(item.get("permission", ""), f"{where}.permission"),
    )
    _check(rule, where)
    return rule


def _check(rule: Rule, where: str) -> None:
    """Refuses what would silently do nothing."""
    if rule.method != ANY and (rule.do not in CALLS or rule.method not in METHODS):
        expected = "the name of a call" if rule.do in CALLS else "none for an operation"
        raise RuleError(f"{where}.method: unknown (got {rule.method!r}, expected {expected})")
    if (rule.do in _TIMED) != (rule.seconds > 0):
        expected = "more than 0" if rule.do in _TIMED else "none"
        raise RuleError(f"{where}.seconds: got {rule.seconds:g}, expected {expected}")
    named = _PERMISSION.fullmatch(rule.permission)
    if (rule.do is Fault.DENY) != bool(named) or (rule.permission and not named):
        expected = "one, e.g. run.services.update" if rule.do is Fault.DENY else "none"
        raise RuleError(f"{where}.permission: got {rule.permission!r}, expected {expected}")
    person = rule.do is Fault.INTERFERE
    if person != bool(rule.shares) or person != bool(rule.service):
        expected = "both" if person else "neither"
        raise RuleError(f"{where}: shares and service: expected {expected} for {rule.do.value}")
    if person and sum(percent for _, percent in rule.shares) != 100:
        raise RuleError(f"{where}.shares: percents must add up to 100")


def _known(item: Mapping[str, JsonValue], names: set[str], where: str) -> None:
    for key in item:
        if key not in names:
            place = f"{where}.{key}"[:_TEXT_MAX].lstrip(".")
            raise RuleError(f"{place}: unknown (expected one of {', '.join(sorted(names))})")


def _fault(value: JsonValue, where: str) -> Fault:
    try:
        return Fault(value)
    except ValueError:
        names = ", ".join(fault.value for fault in Fault)
        got = repr(value)[:_TEXT_MAX]
        raise RuleError(f"{where}: unknown (got {got}, expected one of {names})") from None


def _text(value: JsonValue, where: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[ -~]{0,200}", value):
        raise RuleError(f"{where}: not a text of at most {_TEXT_MAX} printable characters")
    return value


def _number(value: JsonValue, where: str, most: float, *, whole: bool = False) -> float:
    kind = "an integer" if whole else "a number"
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    if not 0 <= number <= most or (whole and not isinstance(value, int)):
        raise RuleError(f"{where}: got {str(value)[:40]}, expected {kind} from 0 to {most:g}")
    return number


def _shares(value: JsonValue, where: str) -> tuple[tuple[str, int], ...]:
    if not isinstance(value, dict):
        raise RuleError(f"{where}: not an object of revision to percent")
    return tuple(
        (_text(name, where), int(_number(percent, where, 100, whole=True)))
        for name, percent in value.items()
    )
