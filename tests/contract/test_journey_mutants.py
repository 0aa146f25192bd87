"""Each step's answer broken in turn: at the step where it is asked, whatever its path is."""

from gate.core.expectations import Content, Found
from gate.core.policy import Probe
from gate.core.redaction import Redactor
from gate.kinds.journey import JourneyProbe
from gate.kinds.steps import Step, Wanted
from gate.mutation.run import MutationRun, RunSettings
from gate.mutation.wire import Upstream
from gate.ports import Target
from gate.probes.runner import ProbeRunner
from tests.contract.journey_site import Site
from tests.contract.probe_servers import SECRETS, SystemClock
from tests.contract.test_probe_journey import FORMS, REST, USERS


async def prove(spec, **how):
    site = Site()
    async with site.serve() as place:
        url = f"http://{place}"
        runner = ProbeRunner(SECRETS, None, SystemClock(), Redactor(SECRETS), arrival_within_s=0)
        run = MutationRun(
            [Probe("trip", spec)], runner, Upstream(url), Target(url), RunSettings(**how), print
        )
        return await run.run()


def killed(trials):
    return {one.mutant: one.killed for one in trials.trials if one.exercised}


async def test_every_step_of_a_trip_through_forms_is_broken_in_turn():
    trials = await prove(FORMS)
    found = killed(trials)
    for step in ("step 1, GET /notes", "step 3, sign in", "step 4, write"):
        assert found[f"{step}: a redirect to another page"]
        assert found[f"{step}: no header location"]
        assert found[f"{step}: status 500"]
    assert found["step 3, sign in: no header set-cookie"]
    assert found["step 2, GET /login: an empty body"]
    assert found["step 2, GET /login: no form fields"]
    assert found["step 2, GET /login: form fields with other values"]
    assert found["step 5, read: a template that nobody rendered"]
    assert found["step 5, read: a redirect (307)"]  # the path of step 1, which expects one
    assert not [name for name in found if name.startswith("GET /")]
    survivors = {one.mutant for one in trials.survivors}
    assert survivors <= {f"step {n}" for n in ()} | {
        name for name in survivors if "wrong content type" in name
    }, survivors


async def test_captured_fields_are_dropped_and_replaced_and_paths_may_differ_each_time():
    trials = await prove(REST)
    found = killed(trials)
    for what in ("field access_token dropped", "field access_token replaced"):
        assert found[f"step 1, sign in: {what}"]
    for what in ("field id dropped", "field id replaced", "status 404"):
        assert found[f"step 2, create note: {what}"]
    assert found["always 1, delete note: status 500"]
    assert not found["step 1, sign in: field user dropped"]  # nobody needs it: the step is named
    survivors = {one.mutant for one in trials.survivors}
    assert "trip, step 1, sign in: field user dropped" in survivors


async def test_several_users_at_once_are_broken_as_one_is():
    found = killed(await prove(USERS))
    assert found["step 1, sign in: field access_token replaced"]
    assert found["step 3, list notes: status 500"]


async def test_one_path_asked_twice_is_broken_each_time():
    def spec(first, second):
        h1 = Content(selector=(("h1", Found("Sign in")),))
        return JourneyProbe(
            (
                Step("GET", "/login", "first", expect=Wanted(content=h1 if first else Content())),
                Step("GET", "/login", "then", expect=Wanted(content=h1 if second else Content())),
            )
        )

    found = killed(await prove(spec(first=True, second=False)))
    assert found["step 1, first: an empty body"]
    assert not found["step 2, then: an empty body"]
    found = killed(await prove(spec(first=False, second=True)))
    assert not found["step 1, first: an empty body"]
    assert found["step 2, then: an empty body"]
