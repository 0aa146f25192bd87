"""What must hold after a round, whatever happened in it. Looks at nothing but the record.

Traffic is judged by its history: what each write asked for, what clients were told, what the front
end obeyed. The gate's own writes are known by their caller, and by the mark that each carries.
"""

import hashlib
import json
from datetime import datetime

from tests.chaos.draw import Image, Task
from tests.chaos.gates import TAGS, actor_of
from tests.chaos.stage import PERSON, SETUP, mark, shares, tags

PROMOTED, REJECTED, USAGE, FAILED, STUCK, HELD, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130
URGENT = ("reverting", "recovering")
"""Phases of writes that happen although the ledger cannot keep their intention."""
RECORDING = ("WriteLogEntries", "*")


def violations(record):
    """Everything that should not have been, in words; nothing when all is well."""
    story = Story(record)
    rules = AT_EVERY_INSTANT if story.deleted else (*AT_EVERY_INSTANT, *AT_THE_END)
    return [text for rule in rules for text in rule(story)]


NOTHING = {"number": 0, "traffic": [], "caller": SETUP, "annotations": {}, "generation": 0}
"""What was asked for before there was a service."""


class Story:
    """A record, with what the rules need to know of it."""

    def __init__(self, record):
        self.record = record
        self.round = record.round
        self.moments = record.moments
        self.asked = [moment for moment in record.moments if moment["what"] == "asked"]
        if not any(moment["number"] <= record.begun for moment in self.asked):
            self.asked.insert(0, NOTHING)
        self.entries = {digest(entry): entry for entry in record.entries}
        self.images = dict(record.revisions)
        for moment in self.asked:  # revisions that are gone by now
            if candidate := mark(moment).get("candidate"):
                self.images.setdefault(candidate, self.image_of(moment) or "good")
        self.before = self.meant(self.setup)

    @property
    def setup(self):
        """The last write before any gate began; an empty one where there was no service."""
        return [m for m in self.asked if m["number"] <= self.record.begun][-1]

    @property
    def writes(self):
        """Each write since then, with the one before it."""
        first = self.asked.index(self.setup)
        return list(zip(self.asked[first:], self.asked[first + 1 :], strict=False))

    @property
    def gates(self):
        """The gates' own writes, each with the one before it."""
        return [pair for pair in self.writes if pair[1]["caller"] not in (PERSON, SETUP)]

    def entry(self, write):
        """The ledger's entry that a write names, or {}."""
        return self.entries.get(mark(write).get("entry", ""), {})

    def image_of(self, write):
        """What the rollout that made this write rolls out; "" if unknown."""
        actor = self.entry(write).get("actor", "")
        return next((run.image for run in self.record.runs if actor_of(run.role) == actor), "")

    def by(self, run):
        """The writes of one gate, each with the one before it."""
        ids = {e["rollout"] for e in self.record.entries if e["actor"] == actor_of(run.role)}
        return [pair for pair in self.gates if mark(pair[1]).get("writer") in ids]

    def meant(self, write):
        """The shares of a write with LATEST replaced by the revision that it meant.

        "" stands for one that nobody can name, since the write never came into effect.
        """
        meant = {}
        for revision, percent in shares(write).items():
            name = revision or self.latest(write)
            meant[name] = meant.get(name, 0) + percent
        return meant

    def latest(self, write):
        """The revision that LATEST came to mean by this write: what is told and not named."""
        named = set(shares(write))
        for moment in self.moments:
            if moment["what"] == "told" and moment["generation"] == write["generation"]:
                unnamed = [name for name in shares(moment) if name not in named]
                return unnamed[0] if unnamed else ""
        return ""

    def changes(self, before, write):
        """Whether a write moves users."""
        old, new = self.meant(before), self.meant(write)
        return bool(old) and old != new and all(old) and all(new)

    @property
    def first(self):
        """Whether there was no service when it all began."""
        return self.setup is NOTHING

    @property
    def deleted(self):
        """Whether somebody deleted the service."""
        return self.record.final is None

    def never_passes(self, revision):
        """Whether a revision must never have users."""
        return Image(self.images.get(revision, "good")).never_passes

    def placed_by_person(self, revision, number):
        """Whether a person asked for users on this revision before this moment."""
        return any(
            revision in shares(write) or "" in shares(write)
            for _, write in self.writes
            if write["caller"] == PERSON and write["number"] <= number
        )

    def runs(self, *roles):
        """The gates of these roles."""
        return [run for run in self.record.runs if run.role in roles]


def digest(entry):
    """sha256 of an entry in canonical form."""
    text = json.dumps(entry, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


# --- at every instant


def no_users_for_the_bad(story):
    """A candidate that never passes has no percent at any instant, unless it is all there is."""
    for moment in () if story.first else story.moments:
        for revision in shares(moment):
            if not revision or not story.never_passes(revision):
                continue
            if not story.placed_by_person(revision, moment["number"]):
                yield f"{revision} ({story.images[revision]}) was {moment['what']} to have users"


def no_move_without_a_reason(story):
    """The gate changes shares only to move forward, to go back, or to take back."""
    for before, write in story.gates:
        if not story.changes(before, write):
            continue
        phase = story.entry(write).get("phase", "unrecorded")
        new = story.meant(write)
        if phase == "moving":
            yield from _forward(story, write)
        elif phase in (*URGENT, "unrecorded"):
            known = [story.meant(earlier) for earlier, _ in story.writes]
            if new not in known and not _rolled_back(story, new):
                yield f"while {phase} shares became {new}, which they had never been"
        else:
            yield f"while {phase} the gate changed shares from {story.meant(before)} to {new}"


def _forward(story, write):
    """A step of the policy for the candidate, or all for a target that a person named."""
    new, entry = story.meant(write), story.entry(write)
    rollout = entry.get("kind", "rollout") == "rollout"
    steps = (*story.round.steps, 100) if rollout else (100,)
    candidate = mark(write).get("candidate") or next(iter(new))
    if new.get(candidate, 0) not in steps:
        yield f"{candidate} was given {new.get(candidate, 0)} %, which is no step of {steps}"


def people_have_the_last_word(story):
    """What a person moved, only a gate that began afterwards moves again."""
    theirs, begun, old = None, set(), set()
    for before, write in story.writes:
        if write["caller"] == PERSON:
            if shares(before) != shares(write):
                theirs, old = write, set(begun)
            continue
        fence = mark(write).get("fence")
        begun.add(fence)
        if not story.changes(before, write) or theirs is None:
            continue
        if fence in old or story.entry(write).get("phase") != "moving":
            why = story.entry(write).get("why", "unexplained")
            yield f"a person set {shares(theirs)}, and the gate made it {shares(write)} ({why})"
        theirs = None


def one_holder_at_a_time(story):
    """Fencing numbers never shrink, and one number has one holder."""
    highest, writers = 0, {}
    for _, write in story.gates:
        fence, writer = mark(write).get("fence", 0), mark(write).get("writer", "")
        if fence < highest:
            yield f"a write with fence {fence} came into effect after one with {highest}"
        highest = max(highest, fence)
        known = writers.setdefault(fence, writer)
        if writer != known:
            yield f"fence {fence} had two writers, {known} and {writer}"


def same_tags(had, has):
    """Whether each tag is where it was; one that followed LATEST may be pinned."""
    return had.keys() == has.keys() and all(had[tag] in {"", to} for tag, to in has.items())


def tags_survive(story):
    """The gate takes no tag but its own; other annotations stay, too."""
    for before, write in story.gates:
        kept = {tag: to for tag, to in tags(write).items() if tag not in TAGS}
        had = {tag: to for tag, to in tags(before).items() if tag not in TAGS}
        if not same_tags(had, kept):
            yield f"the gate changed people's tags from {had} to {kept}"
        if write["annotations"].get("team") != before["annotations"].get("team"):
            yield f"the gate changed people's annotations to {sorted(write['annotations'])}"


def every_write_is_explained(story):
    """The mark names the ledger's entry whose wanted traffic is what was written."""
    excused = any(call in RECORDING for call in story.record.calls)
    for _, write in story.gates:
        entry = story.entry(write)
        if not entry:
            written = mark(write)
            urgent = not written.get("holder") or written.get("phase") in URGENT
            if not (urgent and excused):
                yield f"no entry of the ledger explains the write of {shares(write)}"
            continue
        wanted = {
            each["revision"]: each["percent"] for each in entry["traffic_wanted"] if each["percent"]
        }
        if wanted != shares(write):
            yield f"the ledger says {wanted}, written was {shares(write)}"


# --- at the end


def traffic_is_where_it_was_asked_to_be(story):
    """Desired and effective agree, and nothing is in flight."""
    if not story.record.settled:
        yield "the service never settled"
    last = story.asked[-1]
    if last["caller"] == PERSON and "fail-operation" in story.record.struck:
        return  # what a person wrote came to nothing, and is theirs to write again
    want = story.meant(last)
    latest = {moment["what"]: shares(moment) for moment in story.moments}
    told, obeyed = latest.get("told"), latest.get("obeyed")
    if "" in want and told == obeyed:
        return  # the write came to nothing, and what LATEST meant in it nobody can name
    if not want == told == obeyed and not (story.first and told is None):
        yield f"asked for {want}, clients are told {told}, users get {obeyed}"
    final = {
        each.get("revision", ""): each["percent"]
        for each in story.record.final.get("traffic", [])
        if each.get("percent")
    }
    if final != shares(story.asked[-1]):
        yield f"the history ends with {shares(story.asked[-1])}, the service has {final}"


def traffic_is_somewhere_it_may_be(story):
    """As it was, as a person set it, or all on a revision that the ledger says may have it."""
    now, meant = shares(story.asked[-1]), story.meant(story.asked[-1])
    people = [write for _, write in story.writes if write["caller"] == PERSON]
    allowed = [story.before, *(story.meant(write) for write in people)]
    if story.first or meant in allowed or now in [shares(write) for write in people]:
        return
    if len(meant) == 1 and _earned(story, next(iter(meant))):
        return
    if _rolled_back(story, meant):
        return
    yield f"traffic ends at {meant}, was {story.before}, people set {allowed[1:]}"


def _rolled_back(story, meant):
    """Whether a person's rollback went there, which goes on although nothing can be recorded."""
    ends = [run.outcome for run in story.record.runs if run.outcome]
    return any(
        end.get("kind") == "rollback"
        and end.get("ending") == "rolled back"
        and meant == {end["candidate"]["revision"]: 100}
        for end in ends
    )


def _earned(story, revision):
    """Whether a rollout of this revision came to its good end, or a person moved there by hand."""
    # Its own last write gave the lease back: nobody had to take it back.
    marks = [mark(write) for _, write in story.gates]
    over = {each.get("writer") for each in marks if not each.get("holder")}
    for entry in story.record.entries:
        wanted = entry.get("traffic_wanted", [])
        everything = any(e["revision"] == revision and e["percent"] == 100 for e in wanted)
        if entry.get("phase") != "moving" or not everything:
            continue
        if entry["kind"] in ("rollback", "promote") or entry["rollout"] in over:
            return True
    return False


def users_tags_are_there(story):
    """Every tag that somebody made is where it was put."""
    final = {
        each["tag"]: each.get("revision", "")
        for each in story.record.final.get("traffic", [])
        if each.get("tag") and each["tag"] not in TAGS
    }
    put = [story.setup] + [write for _, write in story.writes if write["caller"] == PERSON]
    want = {tag: to for tag, to in tags(put[-1]).items() if tag not in TAGS}
    if not same_tags(want, final):
        yield f"tags are {final}, should be {want}"


def our_tag_is_gone(story):
    """No tag of ours is left, but on a candidate that is on hold."""
    left = [e for e in story.record.final.get("traffic", []) if e.get("tag") in TAGS]
    held = {run.outcome["candidate"]["revision"] for run in story.record.runs if _holds(run)}
    for _, write in story.gates:
        why = str(story.entry(write).get("why"))
        if why.startswith(("give back the lease", "keep ")):  # and died before it said so
            held |= {each["revision"] for each in write["traffic"] if each["tag"] in TAGS}
    for each in left:
        if each.get("revision") not in held:
            yield f"our tag is left on {each.get('revision')}, which is not on hold"
        elif not story.round.keeps:
            yield f"our tag is left on {each.get('revision')}, which was to be dropped"


def _holds(run):
    return run.code == HELD and run.outcome is not None


def nobody_holds_the_service(story):
    """No holder is left."""
    held = mark(story.record.final)
    if held.get("holder"):
        yield f"{held['holder']} still holds the service ({held.get('phase')})"


# --- exit codes


def gates_end(story):
    """Every gate came to its own end, unless it was killed."""
    for run in story.record.runs:
        if run.hung:
            yield f"the {run.role} gate did not end"
        elif not run.killed and run.code not in ENDS:
            yield f"the {run.role} gate ended with {run.code}: {run.said[-300:]}"
        elif "gate: internal error" in run.said or ("Traceback" in run.said and not run.signals):
            yield f"the {run.role} gate has a defect: {run.said[-300:]}"


ENDS = (PROMOTED, REJECTED, USAGE, FAILED, STUCK, HELD, INTERRUPTED)


def recovery_recovers(story):
    """Whoever comes when all is calm again finds nothing in the way."""
    for run in story.runs("recover", "next"):
        refused = run.code == USAGE and "choose another candidate.tag" in run.said
        mistaken = run.code == REJECTED and not _told_apart(story)
        half_done = run.code == FAILED and "was left half done" in run.said
        nothing = story.deleted or (story.first and run.code in (USAGE, STUCK))
        refused |= run.code == REJECTED and _beside_the_sick(story, run)
        refused |= _barred(story, run)
        if run.code != PROMOTED and not (refused or mistaken or half_done or nothing):
            yield f"{run.role} ended with {run.code}: {run.said[-400:]}"
    for run in story.runs("early"):
        if run.code != PROMOTED or any(not _lapsed(*pair) for pair in story.by(run)):
            yield f"the recovery that came too early ended with {run.code} and wrote"


def _barred(story, run):
    """Whether a person has moved users away from the image that this run would roll out."""
    moved = any(
        write["caller"] == PERSON and shares(before) != shares(write)
        for before, write in story.writes
    )
    reasons = ((run.outcome or {}).get("verdict") or {}).get("reasons") or []
    barred = any(reason["subject"] == "barred" for reason in reasons)
    said = barred or "moved users away from" in run.said
    return moved and run.code in (HELD, USAGE) and said


def _lapsed(found, write):
    """Whether the lease that a write found had run out: a slow machine makes nothing early."""
    until = mark(found).get("until")
    return bool(until) and datetime.fromisoformat(until) < datetime.fromisoformat(write["at"])


def exit_codes_are_true(story):
    """What a gate's exit code says is so."""
    for run in story.runs("main", "rival", "rollback", "next"):
        if not (run.killed or run.hung or run.outcome is None):
            yield from _true(story, run)


def _true(story, run):
    candidate = run.outcome["candidate"]["revision"]
    told = [m for m in story.moments if m["what"] == "told" and m["number"] <= run.cut]
    if run.code == PROMOTED and not any(shares(m) == {candidate: 100} for m in told):
        yield f"{run.role}: exit 0, but {candidate} never had all traffic"
    if run.code == PROMOTED and run.kind == "rollout" and Image(run.image).never_passes:
        yield f"{run.role}: exit 0 for a candidate that is {run.image}"
    if run.code in (REJECTED, USAGE, FAILED, HELD):
        yield from _where_it_was(story, run)
    if run.code == INTERRUPTED:
        yield from _safe(story, run, candidate)
    told_apart = _told_apart(story) and not _beside_the_sick(story, run)
    if run.code == REJECTED and run.image == "good" and not story.record.struck and told_apart:
        yield f"{run.role}: exit 1 for a good candidate, and nothing went wrong"
    given = story.placed_by_person(candidate, run.cut)  # a candidate with users is refused
    given |= _barred(story, run)
    if run.code == USAGE and run.role == "main" and run.kind == "rollout" and not given:
        yield f"{run.role}: exit 2 for a policy and a service that are right"
    alone = story.first and story.round.image is Image.TURNS  # nothing to go back to
    if run.code == STUCK and story.round.calm and not alone:
        yield f"{run.role}: exit 4, and nothing went wrong"


def _told_apart(story):
    """Whether a candidate is never judged by what the revision before it does at its address.

    Where the front end follows late, its name says whose an answer is; one that never answers has
    none.
    """
    named = story.round.identity and story.round.image is not Image.MUTE
    return named or not story.round.rude


def _beside_the_sick(story, run):
    """Whether what serves users beside this run's candidate has gone bad itself."""
    turned = story.round.image is Image.TURNS
    alone = story.first and story.round.image.never_passes  # there was nothing to go back to
    return run.role == "next" and (turned or alone) and len(story.round.steps) > 1


def _where_it_was(story, run):
    """Traffic is where the gate found it, unless others have moved it since."""
    own = story.by(run)
    if not own or story.first:
        return
    found, first = own[0]
    since = [w for _, w in story.writes if first["number"] <= w["number"] <= run.cut]
    mine = [write for _, write in own]
    others = any(write not in mine for write in since)
    end = story.meant(since[-1])
    if not others and end != story.meant(found) and all(end):
        yield f"{run.role}: exit {run.code}, but traffic is {end}, was {story.meant(found)}"
    candidate = run.outcome["candidate"]["revision"]
    percent = end.get(candidate, 0) - story.meant(found).get(candidate, 0)
    if percent > 0 and not story.placed_by_person(candidate, run.cut):
        yield f"{run.role}: exit {run.code}, but {candidate} has {percent} % more"


def _safe(story, run, candidate):
    if not run.signals:
        yield f"{run.role}: exit 130, but nobody interrupted it"
    end = [moment for moment in story.asked if moment["number"] <= run.cut][-1]
    percent = story.meant(end).get(candidate, 0)
    had = story.before.get(candidate, 0)
    if percent not in (0, had, 100) and not story.placed_by_person(candidate, run.cut):
        yield f"{run.role}: exit 130, but {candidate} has {percent} %"


def calm_is_calm(story):
    """Where nothing goes wrong, the candidate decides; where a person decides, that person."""
    by_hand = story.round.task not in (Task.ROLLOUT, Task.ADOPT)
    image = Image.GOOD if by_hand else story.round.image
    for run in story.runs("main") if story.round.calm else ():
        known = (STUCK,) if story.first and image is Image.TURNS else ()
        if run.code not in (*CALM[image], *known):
            yield f"calm: a {image.value} candidate ended with {run.code}: {run.said[-300:]}"


CALM = {
    Image.GOOD: (PROMOTED,),
    Image.SLOW: (PROMOTED,),
    Image.BAD: (REJECTED,),
    Image.DEAD: (REJECTED,),
    Image.MUTE: (REJECTED, HELD),
    Image.TURNS: (PROMOTED, REJECTED),
}


AT_EVERY_INSTANT = (
    no_users_for_the_bad,
    no_move_without_a_reason,
    people_have_the_last_word,
    one_holder_at_a_time,
    tags_survive,
    every_write_is_explained,
    gates_end,
)
AT_THE_END = (
    traffic_is_where_it_was_asked_to_be,
    traffic_is_somewhere_it_may_be,
    users_tags_are_there,
    our_tag_is_gone,
    nobody_holds_the_service,
    recovery_recovers,
    exit_codes_are_true,
    calm_is_calm,
)
"""What there must be a service for."""
