"""`gate audit verify` on a real ledger: whole, and with what somebody does to it or beside it."""

from tests.e2e.test_by_hand import WHY, promoted


def verify(stage, *arguments, code=0):
    done = stage.gate("audit", "verify", *arguments)
    assert done.code == code, done
    return done.clean()


def exported(stage, path):
    """The ledger as a file, the oldest entry first, and what was said of it."""
    done = stage.gate("audit", "export", str(path))
    return path.read_text().splitlines(), done.err


def test_a_ledger_is_whole_and_each_change_of_it_is_found(small, tmp_path):
    promoted(small, tmp_path)
    small.gate("rollback", "--yes", *WHY)
    done = verify(small)
    assert "the record is whole" in done.out
    report = verify(small, "--output", "json").json
    (service,) = report["services"]
    assert report["whole"] is True
    head = service["chain"]["head"]

    file = tmp_path / "ledger.jsonl"
    lines, said = exported(small, file)
    named = f"{head['sequence']}:{head['digest']}"
    assert f"gate audit verify FILE --head {named}\n" in said
    assert f"head {named}\n" in done.out
    unasked = verify(small, str(file))
    assert "whether its end is missing was not checked" in unasked.out
    assert "not checked" not in done.out
    assert verify(small, str(file), "--head", named).out == done.out
    file.write_text("\n".join(lines[:2] + lines[3:]))
    found = verify(small, str(file), "--head", named, code=1)
    assert "MISSING" in found.out
    assert "the record is not whole" in found.out


def test_whoever_moves_traffic_beside_the_gate_is_named(small, tmp_path):
    promoted(small, tmp_path)
    small.pin()
    done = verify(small, code=1)
    told = " ".join(done.out.split())
    assert f"DRIFT: traffic is 100 % {small.first}, and the gate's last write asked for" in told
    assert "by the platform's audit log: local-user@example.com at" in told


def test_what_cannot_be_read_is_said_at_once(small, tmp_path):
    small.gate("audit", "verify", "no-such-file").refused(2, "no-such-file", hint=False)
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    small.gate("audit", "verify", str(empty)).refused(3, "the ledger is empty", hint=False)
    small.gate("audit", "verify", "--head", "1:" + "0" * 64).refused(2, "needs a FILE")
    done = small.gate("audit", "verify", LOGGING_EMULATOR_HOST="127.0.0.1:1")
    assert done.code == 3
