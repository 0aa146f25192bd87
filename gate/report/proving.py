"""What `gate policy prove` found out, for people and for machines.

`gate policy prove --output json`:

    policy, file                the policy's file and the proof's; file is "" where none was kept
    mutants, killed             faults that the probes met, and those that stopped a promotion
    kill_percent                their share
    families                    [{family, mutants, killed}]
    probes                      [{probe, kills, asked, cannot_fail}]; asked is with how many mutants
    reachable                   faults that the probes could have met
    suites                      [{probe, tests, untried, silent, hurried}]; tests is [{test, kills}]
                                with 0 kills for one that nothing made fail, or that is in untried:
                                there was no time for every fault that it could meet. silent are
                                those that passed without asking the service
    survivors                   [{mutant, family, caught_by}]
    not_exercised               [{mutant, family, caught_by}]: faults that no probe could meet
    not_provable                [{probe, why}]: what no proxy can sabotage
    strays                      runs that failed for something else than the fault: not counted
    fields_left_out             fields that were too many to be changed one by one
    took_ms
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gate.core.policy import Json
from gate.core.proof import Survivor, Trial, Trials
from gate.report.columns import Column
from gate.report.lines import BLANK, Block, Cell, Grid, Line, Tone, plain
from gate.report.safe import safe
from gate.report.words import duration, many

SHOWN_MAX = 40
"""Most tests of one sort that people are shown."""
GROUPS_MAX, NAMED_MAX = 15, 3
"""Most places whose mutants people are shown, and most mutants of each."""
_FAMILIES = (
    "answer", "connection", "handshake", "session", "crowd", "stranger", "events", "identity",
    "speed", "contract",
)  # fmt: skip
_NOTICED = {family: index for index, family in enumerate(_FAMILIES)}
"""Families of faults, those first that users would notice at once."""
_LEFT_OUT = "left out: suites alone could meet these, test by test was enough (--whole meets them)"
_NOT_MET = "not tried: each run with these failed for something else"
CANNOT_FAIL = "takes any answer for a right one: only a dead line stops it"


def proof_lines(trials: Trials, policy: str, file: str, width: int = 100) -> list[str]:
    """What came of the mutants, as lines of plain text.

    Args:
        trials: what was found out.
        policy: the policy's file.
        file: the proof's file, "" where none was kept.
        width: columns.
    """
    blocks: list[Block] = [BLANK, _head(trials, policy), BLANK, _families(trials)]
    blocks += [BLANK, _probes(trials)]
    for section in (_defects(trials), _unprovable(trials), _odd(trials)):
        blocks += [BLANK, *section] if section else []
    blocks += [block for suite in trials.suites for block in _suite(trials, suite)]
    title = "survived: these would have been promoted, what users notice first"
    blocks += _mutants(title, trials.survivors, Tone.BAD)
    reachable = {trial.mutant for trial in trials.trials if trial.reachable}
    unmet = _unmet(trials)
    left = [one for one in unmet if one.mutant in reachable]
    title = _LEFT_OUT if trials.suites else _NOT_MET
    blocks += _mutants(title, left, Tone.FAINT)
    never = [one for one in unmet if one.mutant not in reachable]
    blocks += _mutants("not exercised: no probe has met these", never, Tone.FAINT)
    if file:
        blocks += [BLANK, Line(f"kept: {safe(file)}")]
    return plain(blocks, width)


def proof_value(trials: Trials, policy: str, file: str) -> Json:
    """The same for machines: see the table of fields above.

    Args:
        trials: what was found out.
        policy: the policy's file.
        file: the proof's file, "" where none was kept.
    """
    kills, ran = trials.kills, trials.ran
    return {
        "policy": policy,
        "file": file,
        "mutants": len(trials.exercised),
        "reachable": trials.reachable,
        "killed": trials.killed,
        "kill_percent": round(_percent(trials), 1),
        "families": [
            {"family": family, "mutants": of, "killed": killed}
            for family, killed, of in _by_family(trials)
        ],
        "probes": [
            {
                "probe": name,
                "kills": kills[name],
                "asked": ran[name],
                "cannot_fail": name in trials.cannot_fail,
            }
            for name in trials.probes
        ],
        "suites": [
            {
                "probe": suite,
                "tests": [{"test": test, "kills": kills} for test, kills in tests.items()],
                "untried": [*trials.untried.get(suite, ())],
                "silent": [*trials.silent.get(suite, ())],
                "hurried": suite in trials.hurried,
            }
            for suite, tests in trials.tests.items()
        ],
        "survivors": [_value(one) for one in trials.survivors],
        "not_exercised": [_value(one) for one in _unmet(trials)],
        "not_provable": [{"probe": name, "why": why} for name, why in trials.unprovable],
        "strays": trials.strays,
        "fields_left_out": trials.fields_left_out,
        "took_ms": round(trials.took_s * 1000),
    }


def _value(one: Survivor) -> Json:
    return {"mutant": one.mutant, "family": one.family, "caught_by": one.caught_by}


def _unmet(trials: Trials) -> tuple[Survivor, ...]:
    return tuple(trial.survivor for trial in trials.trials if not trial.exercised)


def _percent(trials: Trials) -> float:
    met = len(trials.exercised)
    return 100 * trials.killed / met if met else 0.0


def _head(trials: Trials, policy: str) -> Line:
    met = len(trials.exercised)
    text = (
        f"{safe(policy)}: {trials.killed} of {many(met, 'mutant')} killed "
        f"({_percent(trials):.1f} %) in {duration(trials.took_s)}"
    )
    if left := trials.reachable - met:
        more = "that suites alone could meet were left out" if trials.suites else "were not tried"
        text += f"; {left} more {more}"
    if unmet := len(trials.trials) - max(met, trials.reachable):
        text += f"; {unmet} met no probe"
    return Line(text, Tone.GOOD if trials.killed == met and met else Tone.UNSURE)


def _by_family(trials: Trials) -> Iterator[tuple[str, int, int]]:
    found: dict[str, list[Trial]] = {}
    for trial in trials.exercised:
        found.setdefault(trial.family, []).append(trial)
    for family, several in found.items():
        yield family, sum(trial.killed for trial in several), len(several)


def _families(trials: Trials) -> Grid:
    rows = tuple(
        (Cell(family), Cell(f"{killed} of {of}", Tone.GOOD if killed == of else Tone.BAD))
        for family, killed, of in _by_family(trials)
    )
    return Grid((Column("faults", 24), Column("killed")), rows)


def _probes(trials: Trials) -> Grid:
    kills, ran, toothless = trials.kills, trials.ran, trials.cannot_fail
    rows = tuple(
        (
            Cell(safe(name, 80)),
            Cell(str(kills[name])),
            Cell(str(ran[name])),
            Cell("CANNOT FAIL" if name in toothless else "", Tone.BAD),
        )
        for name in trials.probes
    )
    columns = (Column("probe", 24), Column("kills"), Column("asked with"), Column(""))
    return Grid(columns, rows)


def _defects(trials: Trials) -> list[Line]:
    return [
        Line(f"{safe(name, 80)}: cannot fail: {CANNOT_FAIL}", Tone.BAD)
        for name in trials.cannot_fail
    ]


def _suite(trials: Trials, suite: str) -> list[Block]:
    """Which tests of a suite count from now on, and which do not."""
    tests, untried = trials.tests[suite], trials.untried.get(suite, ())
    open_ = [test for test, kills in tests.items() if not kills]
    silent = trials.silent.get(suite, ())
    name, able = safe(suite, 80), len(tests) - len(open_)
    text = f"{name}: {able} of {many(len(tests), 'test')} that asked and passed were seen to fail"
    blocks: list[Block] = [BLANK, Line(text, Tone.BAD if open_ else Tone.GOOD)]
    why = "nothing made these fail, so that their passes do not count:"
    blocks += _tests(why, [test for test in open_ if test not in untried], Tone.BAD)
    why = "nothing made these fail so far; no time was left for all that could (--suite-time):"
    blocks += _tests(why, [test for test in open_ if test in untried], Tone.UNSURE)
    why = "these passed without asking the service, so that they are no evidence:"
    return blocks + _tests(why, silent, Tone.FAINT)


def _tests(why: str, tests: Sequence[str], tone: Tone) -> list[Block]:
    if not tests:
        return []
    blocks: list[Block] = [Line(f"{why[:-1]} ({len(tests)}):", indent=2)]
    blocks += [Line(safe(test), tone, indent=4) for test in tests[:SHOWN_MAX]]
    if (more := len(tests) - SHOWN_MAX) > 0:
        blocks.append(Line(f"and {more} more (--output json has them all)", indent=4))
    return blocks


def _unprovable(trials: Trials) -> list[Line]:
    return [
        Line(f"{safe(name, 80)}: not provable this way: {safe(why)}", Tone.FAINT)
        for name, why in trials.unprovable
    ]


def _odd(trials: Trials) -> list[Line]:
    lines = []
    if trials.strays:
        text = (
            f"{many(trials.strays, 'run')} failed for something else than the fault, and did not "
            "count: the service or this machine is unsteady; fewer mutants --at-once may help"
        )
        lines.append(Line(text, Tone.UNSURE))
    if trials.fields_left_out:
        text = f"{many(trials.fields_left_out, 'field')} of large answers were left as they are"
        lines.append(Line(text, Tone.UNSURE))
    return lines


def _mutants(title: str, several: Sequence[Survivor], tone: Tone) -> list[Block]:
    """Mutants by place and family: one line each, with what would catch them."""
    groups: dict[tuple[int, str, str], list[Survivor]] = {}
    for one in several:
        place, _, what = one.mutant.partition(": ")
        key = (_NOTICED.get(one.family, len(_NOTICED)), place, one.family)
        groups.setdefault(key, []).append(replace(one, mutant=what or place))
    if not groups:
        return []
    blocks: list[Block] = [BLANK, Line(f"{title} ({len(several)})", Tone.HEADING)]
    shown = sorted(groups.items())[:GROUPS_MAX]
    for (_, place, family), members in shown:
        names = [safe(one.mutant) for one in members[:NAMED_MAX]]
        more = len(members) - len(names)
        told = ", ".join([*names, f"and {more} more"] if more else names)
        blocks.append(Line(f"{safe(place)}: {told} ({family})", tone, indent=2))
        by = dict.fromkeys(safe(one.caught_by) for one in members)
        caught = "; ".join([*by][:2]) + ("; …" if len(by) > 2 else "")
        blocks.append(Line(f"would be caught by: {caught}", indent=4))
    if (more := len(groups) - len(shown)) > 0:
        blocks.append(Line(f"and at {more} more places (--output json has them all)", indent=2))
    return blocks
