"""Texts that would run, fetch or break a page if they were more than text."""

from dataclasses import replace

from tests.unit.report.scenes import (
    ALL_PASSED,
    SESSIONS_FAILED,
    Scene,
    Scribe,
    failed,
    passed,
    plan,
)

TALK = (
    "> 7 sessions at once on /ws",
    "1 of 7 +0.01 s > hello",
    '1 of 7 +0.12 s < {"type":"welcome"}',
    "1 of 7 +0.50 s = close 1011 (Internal error)",
)
TIMES = ((0, 900), (10, 1500), (50, 4000), (90, 7000), (95, 9000), (99, 15_000), (100, 20_000))


PEOPLE = {
    "approvals": [{"digest": "ab" * 32, "name": "ana", "at": "2026-01-01T12:00:00.000Z"}],
    "overrides": ["freeze", "stop", "again"],
    "override": {
        "rules": ["freeze", "stop"],
        "overrode": ["freeze"],
        "until": "2026-01-01T14:00:00.000Z",
    },
}


def texts(host):
    """Each of them; what they fetch would come to this host."""
    run = "window.ran=1;alert(1)"
    return [
        f"<script>{run}</script><script src=//{host}/script></script>",
        f"<img src=http://{host}/img onerror='{run}'><body onload='{run}'>",
        f"\" autofocus onfocus='{run}' style=background:url(http://{host}/attr) x=\"",
        f"' onmouseover={run} '><a href='javascript:{run}' id=bad>x</a>",
        f"</style><style>@import 'http://{host}/css';*{{background:url(http://{host}/bg)}}",
        (
            f"<svg onload='{run}'><image href=http://{host}/svg /><foreignObject><iframe src="
            f"http://{host}/frame></iframe></foreignObject></svg>"
        ),
        (
            f"</title></head><base href=http://{host}/><meta http-equiv=refresh content='0;url="
            f"http://{host}/refresh'>"
        ),
        f"<link rel=stylesheet href=http://{host}/link><link rel=prefetch href=http://{host}/pre>",
        f"<form action=http://{host}/form><input type=image src=http://{host}/in></form>",
        f"<object data=http://{host}/obj></object><embed src=http://{host}/emb>",
        "\u202e\u2066evil\u200b\u200f\x00\x1b[2J",
        "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 " * 200,
        "W" * 1_000_000,
        f"{{{{ ''.__class__ }}}}{{% include 'x' %}}${{{run}}}",
    ]


def entries(*evidence):
    """What the ledger has of a rollout in which these were seen."""
    scene = Scene(evidence=evidence or ALL_PASSED)
    scribe = Scribe(scene)
    scene.play(plan(), scribe)
    return scribe.entries


def rejected():
    """The entries of a rollout with everything in it that a report tells of."""
    slow = passed("health", kind="latency", percentiles=TIMES)
    beside = replace(slow, address="stable", percentiles=tuple((p, t // 2) for p, t in TIMES))
    found = entries(slow, beside, failed("api-health"), replace(SESSIONS_FAILED, excerpts=TALK))
    return [*found[:-1], {**found[-1], **PEOPLE}, *approvals(found[-1])]


def approvals(outcome):
    """Two people's, under the id of this outcome: neither counts."""
    for name in ("ana@example.com", "bob@example.com"):
        yield {
            "entry": "approval",
            "kind": "approve",
            "at": outcome["at"],
            **{key: outcome[key] for key in ("rollout", "service", "policy_digest")},
            "principal": {"name": name, "authenticated": "credentials"},
            "reason": f"{name} has looked at it",
            "candidate": {"revision": "another-00001-abc", "digest": "another@sha256:1"},
        }


def everywhere(value, text, key=""):
    """The same document with one text wherever text may be; times and numbers stay."""
    if isinstance(value, dict):
        names = {one: one for one in value}
        if key in {"stakes", "effective_after"}:
            names = dict.fromkeys(value, text)
        return {names[one]: everywhere(inner, text, one) for one, inner in value.items()}
    if isinstance(value, list):
        return [everywhere(one, text, key) for one in value]
    kept = {"at", "entry", "started_at", "kind", "outcome", "ending", "rollout", "address"}
    if isinstance(value, str) and key == "excerpts" and " s > " in value:
        return f"1 of 7 +0.01 s > {text}"
    return text if isinstance(value, str) and key not in kept else value
