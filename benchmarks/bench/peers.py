"""The rules that people use today, as they would judge the same candidate.

Each says True (it would go, or stay, live) or False (it would be refused, or rolled back). None of
them has a third answer. A candidate that cannot be deployed at all is refused by
`gcloud run deploy` itself, for everybody.

- curl: `curl -fsSL URL/health`, the smoke test of most pipelines: any 2xx, redirects followed (of a
  service without such a page its first one).
- suite: a small test suite with the tolerances of the incident's own (skipped where /health is not
  200, refusals of the WebSocket accepted, any first frame is success, one connection of seven is
  enough), judged by pytest's exit code; it knows the chat backend alone.
- release-manager: Cloud Run Release Manager's default criterion: at most 1 % server errors
  (`-max-error-rate`, README of GoogleCloudPlatform/cloud-run-release-manager), without its minimum
  of requests, which our sample would always reach.
- flagger: Flagger's two builtin metrics with the thresholds of its documentation
  (docs.flagger.app/usage/metrics): at least 99 % of requests without a 5xx, p99 at most 500 ms;
  one failed check is enough (threshold 1).
- airbag: cloud-run-airbag's default detector (JasonYeYuhe/cloud-run-airbag, agent/autosre/
  analyzer.py): rolled back if the 95 % Wilson interval of the share of sampled 5xx lies above a
  baseline of 2 %, with at least 3 errors.
"""

import math
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.bench.stage import env_of
from benchmarks.bench.traffic import TIMEOUT_S, Sample

SUITE = Path(__file__).parent / "suite"
SMOKED = {"backend": "/health", "shop": "/", "notes": "/status", "rooms": "/"}
NAMES = ("curl", "suite", "release-manager", "flagger", "airbag")


def curl(url: str, service: str = "backend") -> bool:
    """One GET of the page that a pipeline would ask, with redirects followed."""
    command = ["curl", "-fsSL", "--noproxy", "*", "--max-time", "10", f"{url}{SMOKED[service]}"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def suite(url: str, tokens: Mapping[str, str]) -> bool:
    """The exit code of a test suite."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
    ]
    command += ["--rootdir", str(SUITE), str(SUITE)]
    env = env_of({"BASE_URL": url, "TOKEN": tokens["alice"], "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    done = subprocess.run(command, env=env, capture_output=True, timeout=120, check=False)
    return done.returncode == 0


def release_manager(samples: Sequence[Sample]) -> bool:
    """At most 1 % server errors."""
    return _errors(samples) / len(samples) <= 0.01


def flagger(samples: Sequence[Sample]) -> bool:
    """At least 99 % without a server error, and 99 % within 500 ms."""
    latencies = sorted(each.latency_s for each in samples if each.latency_s is not None)
    p99_s = latencies[math.ceil(0.99 * len(latencies)) - 1] if latencies else TIMEOUT_S
    return 1 - _errors(samples) / len(samples) >= 0.99 and p99_s <= 0.5


def airbag(samples: Sequence[Sample]) -> bool:
    """Not confidently more than 2 % server errors."""
    from scipy.stats import binomtest  # noqa: PLC0415 - half a second, and only here and in scores

    errors = _errors(samples)
    interval = binomtest(errors, len(samples)).proportion_ci(0.95, method="wilson")
    return not (interval.low > 0.02 and errors >= 3)


def _errors(samples: Sequence[Sample]) -> int:
    """Requests that count as server errors; none at all is 503 or 504 in a front end's metrics."""
    return sum(each.status >= 500 or each.status == 0 for each in samples)


COUNTING: Mapping[str, Callable[[Sequence[Sample]], bool]] = {
    "release-manager": release_manager,
    "flagger": flagger,
    "airbag": airbag,
}
