"""What the proxy saw is kept by test, and never without bounds."""

from gate.probes.suite.record import KINDS_MAX, NOBODY, SEVERAL, TESTS_MAX, Record, Seen


def test_what_is_seen_belongs_to_the_test_that_runs():
    record = Record()
    record.now().answers += 1
    record.begin("a")
    record.now().answers += 2
    record.begin("b")
    record.now().answers += 4
    record.end("a")
    record.now().answers += 8
    record.end("b")
    record.end("never began")
    record.now().answers += 16
    seen = {name: record.of(name).answers for name in (NOBODY, "a", SEVERAL, "b")}
    assert seen == {NOBODY: 17, "a": 2, SEVERAL: 4, "b": 8}


def test_the_same_test_twice_runs_until_both_have_ended():
    record = Record()
    record.begin("a")
    record.begin("a")
    record.end("a")
    assert record.running == ("a",)
    record.end("a")
    assert record.running == ()


def test_a_message_is_an_answer_only_if_something_was_sent():
    seen = Seen(received=3)
    assert not seen.asked
    seen.sent += 1
    assert seen.asked


def test_memory_is_bounded():
    record = Record()
    for number in range(TESTS_MAX + 100):
        record.of(str(number)).line("x")
    assert len(list(record.all())) <= TESTS_MAX + 1
    seen = Seen()
    for number in range(1000):
        seen.closes.note(f"1011 {number}")
        seen.line("x")
    assert len(seen.closes) == KINDS_MAX + 1
    assert seen.closes["others"] == 1000 - KINDS_MAX
    assert len(seen.lines) < 10
