"""JUnit XML as runners write it, and as somebody hostile would."""

import pytest

from gate.probes.suite.junit import SIZE_MAX, read_report
from gate.probes.suite.results import Ended

DIALECTS = """<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="s"><properties><property name="tag" value="P9"/></properties>
<testcase classname="a.B" name="works"><properties><property name="tag" value="P1"/></properties>
</testcase>
<testcase classname="a.B" name="fails"><failure message="no">trace</failure></testcase>
<testcase classname="a.B" name="errs"><skipped/><error>trace</error></testcase>
<testcase name="skips"><skipped message="later"/></testcase>
<testcase name="flaky"><flakyFailure message="x"/><rerunFailure/></testcase>
<testcase name="chatty"><system-out>failure</system-out></testcase>
</testsuite></testsuites>"""


def read(tmp_path, text):
    path = tmp_path / "junit.xml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_report(path)


def test_every_dialect(tmp_path):
    found = read(tmp_path, DIALECTS)
    assert [(test.id, test.ended, test.why, test.reruns) for test in found.tests] == [
        ("a.B.works", Ended.PASSED, "", 0),
        ("a.B.fails", Ended.FAILED, "no", 0),
        ("a.B.errs", Ended.ERRORED, "trace", 0),
        ("skips", Ended.SKIPPED, "later", 0),
        ("flaky", Ended.PASSED, "", 2),
        ("chatty", Ended.PASSED, "", 0),
    ]
    assert [test.markers for test in found.tests[:2]] == [{"P1"}, frozenset()]
    assert (found.by_test, found.garbled, found.code) == (False, 0, None)


def test_no_report(tmp_path):
    assert read_report(tmp_path / "none.xml").runner == ""
    assert read(tmp_path, " \n").runner == ""


BOMB = "<!DOCTYPE a [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
    f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9)
)


@pytest.mark.parametrize(
    "text",
    [
        "<html><testcase/></html>",
        "<testsuite>",
        "\0",
        b"\xff\xfe\x00",
        "<?xml version='1.0' encoding='bogus'?><testsuite/>",
        BOMB + "]><testsuite><testcase name='&j;'/></testsuite>",
        "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><testsuite/>",
        "<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><testsuite>&e;</testsuite>",
        "<testsuite>" + "<testcase/>" * 20_001 + "</testsuite>",
        "<testsuite>" + " " * SIZE_MAX + "</testsuite>",
    ],
    ids=range(10),
)
def test_what_is_no_report_or_too_much_is_no_pass(tmp_path, text):
    found = read(tmp_path, text)
    assert (found.runner, found.garbled, found.tests) == ("JUnit XML", 1, ())


def test_deep_documents_do_no_harm(tmp_path):
    deep = "<testsuite>" + "<a>" * 100_000 + "</a>" * 100_000 + "</testsuite>"
    assert read(tmp_path, deep).tests == ()
