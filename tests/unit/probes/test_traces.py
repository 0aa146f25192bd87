import pytest

from gate.probes.traces import folded

PYTHON = """\
Traceback (most recent call last):
  File "/app/main.py", line 10, in <module>
    run()
    ^^^^^
KeyError: 'a'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/main.py", line 12, in <module>
    raise ValueError("no such row 12")
ValueError: no such row 12"""
NODE = """\
/app/index.js:10
    throw new Error("boom")
    ^

Error: boom
    at Object.<anonymous> (/app/index.js:10:9)
    at Module._compile (node:internal/modules/cjs/loader:1256:14)

Node.js v18.17.0"""
JAVA = """\
Exception in thread "main" java.lang.IllegalStateException: bad state
\tat com.example.Main.main(Main.java:5)
Caused by: java.io.IOException: disk
\tat com.example.Store.read(Store.java:1)
\t... 3 more"""
GO = """\
panic: runtime error: index out of range [5] with length 3

goroutine 1 [running]:
main.main()
\t/app/main.go:8 +0x1d
exit status 2"""
RUST = """\
thread 'main' panicked at src/main.rs:2:5:
  index out of bounds"""

GO_HTTP = """\
2026/11/30 12:00:00 http: panic serving 127.0.0.1:4: boom
goroutine 7 [running]:
net/http.(*conn).serve.func1()
\t/usr/local/go/src/net/http/server.go:1868 +0xb9"""
RUBY = """\
app.rb:10:in 'Store#find': no such row (RuntimeError)
\tfrom app.rb:14:in '<main>'"""
ELIXIR = """\
** (RuntimeError) no such row
    (app 0.1.0) lib/app.ex:3: App.find/0"""
DOTNET = """\
Unhandled exception. System.InvalidOperationException: bad state
   at Program.Main() in /app/Program.cs:line 3"""
DOTNET_LOGGER = """\
fail: Microsoft.AspNetCore.Server.Kestrel[13]
      Connection id "0H": An unhandled exception was thrown by the application.
      System.Exception: boom
         at Program.Main() in /app/Program.cs:line 3"""
PHP = """\
PHP Fatal error:  Uncaught App\\NoSuchRowException: row 12 in /app/index.php:3
Stack trace:
#0 {main}
  thrown in /app/index.php on line 3"""
GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File "/app/main.py", line 3, in main
  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/app/main.py", line 9, in find
    | ValueError: no such row
    +------------------------------------"""
COLOURED = """\
\x1b[31mTypeError: orders is not iterable\x1b[39m
    at find (/app/index.js:10:9)"""


@pytest.mark.parametrize("entries", [str.splitlines, lambda text: [text]], ids=["lines", "whole"])
@pytest.mark.parametrize(
    ("text", "title"),
    [
        (PYTHON, "ValueError: no such row 12"),
        (NODE, "Error: boom"),
        (JAVA, 'Exception in thread "main" java.lang.IllegalStateException: bad state'),
        (GO, "panic: runtime error: index out of range [5] with length 3"),
        (RUST, "thread 'main' panicked at src/main.rs:2:5:"),
        (GO_HTTP, "2026/11/30 12:00:00 http: panic serving 127.0.0.1:4: boom"),
        (RUBY, "app.rb:10:in 'Store#find': no such row (RuntimeError)"),
        (ELIXIR, "** (RuntimeError) no such row"),
        (DOTNET, "Unhandled exception. System.InvalidOperationException: bad state"),
        (DOTNET_LOGGER, "fail: Microsoft.AspNetCore.Server.Kestrel[13]"),
        (PHP, PHP.splitlines()[0]),
        (GROUP, "ValueError: no such row"),
        (COLOURED, "TypeError: orders is not iterable"),
    ],
)
def test_a_trace_is_one_finding(text, title, entries):
    before, after = "INFO:     Started server process [12]", "listening on 8080"
    (found,) = folded([before, *entries(text), after])
    assert (found.title, found.trace, found.count) == (title, True, 1)
    assert str(found) == f"1 trace: {title}"


def test_traces_that_differ_in_what_they_say_are_one_kind():
    other = PYTHON.replace("no such row 12", "no such row 13")
    found = folded([*PYTHON.splitlines(), *other.splitlines(), *NODE.splitlines()])
    assert [str(one) for one in found] == [
        "2 traces: ValueError: no such row 13",
        "1 trace: Error: boom",
    ]
    assert found[0].lines == 24


@pytest.mark.parametrize(
    "line",
    [
        "ERROR:root:no such table",
        "2026-11-30 10:00:00,123 ERROR app: no such table",
        "[error] 12#12: upstream",
        "E1130 10:00:00.000 1 store.go:12] no such table",
        'time=1 level=error msg="no such table"',
        "UnhandledPromiseRejectionWarning: no such table",
        "TypeError: orders is not iterable",
        "PHP Fatal error:  no such table",
        'time=2026-11-30T10:00:00Z level=ERROR msg="no such table"',
        "2026-11-30T10:00:00Z ERR no such table",
        "(node:1) UnhandledPromiseRejectionWarning: no such table",
        "Segmentation fault (core dumped)",
        "/bin/sh: line 1:    12 Aborted                 (core dumped)",
    ],
)
def test_a_line_by_itself_may_look_like_an_error(line):
    (found,) = folded(["INFO fine", line, "INFO fine"])
    assert (found.title, found.trace) == (line, False)


@pytest.mark.parametrize(
    "line",
    [
        "INFO finished with 0 errors",
        "INFO: ERROR handling is on",
        "GET /error 200",
        "no error here",
        "I1130 10:00:00.000 1 store.go:12] error budget is fine",
        'INFO:     127.0.0.1:1 - "GET / HTTP/1.1" 500 Internal Server Error',
        "DEBUG retrying after ERROR",
        "level=info msg=fine",
        "** (note) all is well",
        "",
    ],
)
def test_other_lines_do_not(line):
    assert folded([line]) == []
