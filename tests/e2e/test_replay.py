"""`gate audit replay` of rollouts of real processes against the local Cloud Run."""

import json

from tests.e2e.test_by_hand import promoted

BAD = "  who: {http: {path: /}, expect: {status: 418}}\n"


def test_each_decision_is_made_again_and_one_that_was_altered_is_not_the_same(small, tmp_path):
    promoted(small, tmp_path)
    policy = small.policy(tmp_path, BAD, head="baseline: stable\n")
    no = small.gate("rollout", "--policy", policy, "--image", "small:v1")
    back = small.gate("rollback", "--yes", "--reason", "people complained")
    assert (no.code, back.code) == (5, 0), (no, back)

    held, undone = small.recorded(no.rollout), small.recorded(back.rollout)
    for entry in (held, undone):
        again = small.gate("audit", "replay", entry["rollout"])
        told = f"{entry['rollout']}: {entry['ending']}, same decision"
        assert (again.code, told in again.out) == (0, True), again
        assert entry["events"]["data"] not in small.gate("audit", "show", entry["rollout"]).out

    file = tmp_path / "ledger.jsonl"
    small.gate("audit", "export", str(file))
    done = small.gate("audit", "replay", str(file), "--output", "json")
    assert done.code == 0, done
    assert {one["recorded"]["ending"]: one["same"] for one in done.json} == {
        "promoted": True,
        "held": True,
        "rolled back": True,
    }
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    forged = [{**one, "ending": "promoted"} if one == held else one for one in lines]
    file.write_text("".join(f"{json.dumps(one)}\n" for one in forged))
    done = small.gate("audit", "replay", str(file))
    assert done.code == 1, done
    assert "it ended promoted, and would end held" in done.out
