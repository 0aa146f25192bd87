"""Probes that ask about the revision: how the file reads, and what is refused."""

import pytest

from gate.kinds.diff import DiffProbe
from gate.kinds.grpc import GrpcProbe
from gate.kinds.plugin import PluginProbe
from gate.kinds.routes import RoutesProbe
from gate.kinds.soak import SoakProbe
from gate.kinds.startup import StartupProbe
from gate.kinds.stream import AwaitEvent, Format, Ids, StreamProbe
from tests.unit.policy_files import advice, probe, probes, problems


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("{diff: {}}", DiffProbe()),
        ("{diff: {image: true, env: false}}", DiffProbe(image=True, env=False)),
        (
            "{diff: {}, expect: {missing: none, changed: [A, memory]}}",
            DiffProbe(changed=("A", "memory")),
        ),
        ("{diff: {}, expect: {missing: any, changed: none}}", DiffProbe(missing=None)),
        (
            "{diff: {}, expect: {missing: [A], changed: any}}",
            DiffProbe(missing=("A",), changed=None),
        ),
        ("{routes: {}}", RoutesProbe()),
        (
            '{routes: {path: /o.json, timeout: 2s}, expect: {removed: [GET /a, "PUT /b/{c}"]}}',
            RoutesProbe("/o.json", ("GET /a", "PUT /b/{c}"), timeout_s=2),
        ),
        ("{routes: {}, expect: {changed: [GET /a]}}", RoutesProbe(changed=("GET /a",))),
        ("{startup: {path: /a}}", StartupProbe("/a")),
        (
            "{startup: {path: /a, warm_requests: 9}, expect: {status: [204], first: 9s, warm: 5s}}",
            StartupProbe("/a", (204,), 9, 9, 5),
        ),
        ("{soak: {path: /ws}}", SoakProbe("/ws")),
        (
            "{soak: {path: /ws, for: 3m, ping_every: 5s, open_within: 2s}}",
            SoakProbe("/ws", 180, 5, 2),
        ),
        (
            '{soak: {path: /ws, subprotocols: ["a.${alice}"]}, expect: {server_pings: 2}}',
            SoakProbe("/ws", server_pings=2, subprotocols=("a.${alice}",)),
        ),
        (
            '{soak: {path: /ws, headers: {X: "${nonce}"}}}',
            SoakProbe("/ws", headers=(("X", "${nonce}"),)),
        ),
        ("{stream: {path: /s}}", StreamProbe("/s")),
        (
            "{stream: {path: /s, format: lines, for: 9s, gap: 2s, silence: 3s, first_within: 4s}}",
            StreamProbe("/s", format=Format.LINES, for_s=9, gap_s=2, silence_s=3, first_within_s=4),
        ),
        (
            "{stream: {path: /s, resume_after: 2}, expect: {ids: unique, spread: 1s, least: 3}}",
            StreamProbe("/s", resume_after=2, ids=Ids.UNIQUE, spread_s=1, least=3),
        ),
        (
            "{stream: {path: /s}, expect: {events: [{event: a}, {sequence: [b], once: true}]}}",
            StreamProbe(
                "/s", events=(AwaitEvent(event="a"), AwaitEvent(sequence=("b",), once=True))
            ),
        ),
        ("{plugin: {kind: a.b}}", PluginProbe("a.b")),
        (
            '{plugin: {kind: a, timeout: 2s, url: "${url}", more: {b: [1, null]}}}',
            PluginProbe("a", {"url": "${url}", "more": {"b": [1, None]}}, 2),
        ),
        ("{grpc: {}}", GrpcProbe()),
        ("{grpc: {service: shop.v1.Orders, within: 3s}}", GrpcProbe("shop.v1.Orders", 3)),
    ],
)
def test_a_probe_reads_as_it_is_written(tmp_path, text, spec):
    assert probe(tmp_path, f"x: {text}\n", "x").spec == spec


_PARTS = ("env", "secrets", "resources", "ports", "identity", "scaling", "network", "volumes")
NOTHING = "{" + ", ".join(f"{part}: false" for part in _PARTS) + "}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{diff: {envs: true}}", "unknown key (got 'envs')"),
        ("{diff: {}, expect: {missing: some}}", "expected none or any"),
        ('{diff: {}, expect: {changed: ["${url}"]}}', "holds a template"),
        (f"{{diff: {NOTHING}}}", "compares nothing"),
        ("{routes: {}, expect: {removed: [/a]}}", "expected a route such as GET /items/{id}"),
        ("{startup: {}}", "path is missing"),
        ("{startup: {path: /healthz}}", "/healthz never reaches a container"),
        ("{startup: {path: /}, expect: {first: 0s}}", "must be more than 0 (got 0 s)"),
        ("{soak: {path: /ws, for: 500ms}}", "out of range (got 0.5, expected 1 to 3600)"),
        ('{soak: {path: /ws, headers: {X: "${user}"}}}', "uses ${user}"),
        ("{soak: {path: /ws, subprotocols: [a, a]}}", "is offered twice"),
        ('{soak: {path: /ws, headers: {X: "${eve}"}}}', "names an unknown secret"),
        ("{stream: {path: /s, for: 2h}}", "out of range (got 7200, expected 0 to 3600)"),
        ("{stream: {path: /s, for: 5s}, expect: {end: true}}", "end: excludes for"),
        ("{stream: {path: /s, for: 5s, resume_after: 1}}", "resume_after: excludes for"),
        ("{stream: {path: /s, first_within: 1m}}", "first_within: is longer than within"),
        ("{stream: {path: /s}, expect: {spread: 30s}}", "spread: leaves no time"),
        ("{stream: {path: /s, method: HEAD}}", "method: gets no body"),
        ("{stream: {path: /s, format: lines, resume_after: 1}}", "resume_after: needs ids"),
        ("{stream: {path: /s, format: lines}, expect: {ids: unique}}", "ids: needs ids"),
        (
            "{stream: {path: /s, format: pieces}, expect: {never: {json: 1}}}",
            "format: has no borders",
        ),
        ("{stream: {path: /s}, expect: {events: [{within: 1s}]}}", "step needs at least one of"),
        ("{stream: {path: /s}, expect: {events: [{event: a, once: true}]}}", "once: says nothing"),
        ('{stream: {path: /s, headers: {X: "${user}"}}}', "but has no users"),
        ("{stream: {path: /s, users: [eve]}}", "is not a secret"),
        ("{plugin: {query: a}}", "kind is missing"),
        ('{plugin: {kind: a, b: ["${eve}"]}}', "names an unknown secret"),
        ('{plugin: {kind: a, b: "${user}"}}', "uses ${user}"),
        ("{plugin: {kind: a, timeout: 2h}}", "out of range (got 7200"),
        ("{plugin: {kind: a}, expect: {status: 200}}", "unknown key (got 'expect')"),
        ("{grpc: {service: a/b}}", "expected the name of a gRPC service"),
        ("{grpc: {within: 0s}}", "must be more than 0"),
        ("{routes: {path: openapi.json}}", "expected a path such as /health"),
        ('{routes: {path: "/${url}"}}', "holds a template"),
    ],
)
def test_what_cannot_be_asked_is_refused(tmp_path, text, says):
    found = problems(tmp_path, probes(f"x: {text}\n"))
    assert found
    assert all(says in one for one in found), found


@pytest.mark.parametrize(
    ("text", "head", "says"),
    [
        ("{routes: {}}", "", "asks stable, which only happens with a baseline"),
        ("{routes: {}}", "baseline: stable\n", None),
        ("{diff: {}, expect: {missing: any, changed: any}}", "", "cannot fail"),
        ("{diff: {}, expect: {missing: any}}", "", None),
        ("{soak: {path: /, for: 5m}}", "", "request timeout"),
        ("{soak: {path: /, for: 299s}}", "", None),
        ("{stream: {path: /s, for: 5m}}", "", "request timeout"),
        ("{stream: {path: /s, for: 299s}}", "", None),
        ("{stream: {path: /s, connections: 99}, expect: {success: 90%}}", "", "may fail"),
    ],
)
def test_what_is_seldom_meant_is_said(tmp_path, text, head, says):
    found = [one for one in advice(tmp_path, head + probes(f"x: {text}\n")) if " probes.x" in one]
    assert [says in one for one in found] == ([] if says is None else [True]), found
