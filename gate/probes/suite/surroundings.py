"""Where a suite runs, and with which environment: a clean one, so that nothing is told by accident.

The suite gets what the policy names, the few variables that any program needs, and the proxy's
addresses; never the gate's own environment.
"""

import json
import os
import shutil
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from gate.core.template import parse
from gate.kinds.suite import SuiteProbe
from gate.probes.inquiry import Run
from gate.probes.outcome import CannotAskError
from gate.probes.suite import trust_store

JUNIT = "GATE_JUNIT_XML"
CHANNEL = "GATE_SUITE_CHANNEL"
ONLY = "GATE_SUITE_ONLY"
PLUGIN = "gate_suite_witness"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def folder_of(spec: SuiteProbe, run: Run) -> Path:
    """Where the suite runs.

    Raises:
        CannotAskError: it is not below the policy's folder, or not there.
    """
    root = run.surroundings.folder.resolve()
    folder = (root / spec.directory).resolve()
    if not folder.is_relative_to(root):
        raise CannotAskError(f"directory {spec.directory}", "one below the policy's folder")
    if not folder.is_dir():
        raise CannotAskError(f"no directory {spec.directory}", "one that is there")
    return folder


def install_plugin(scratch: Path) -> Path:
    """Puts the plugin into a directory of its own, which the suite imports it from."""
    source = resources.files("gate.probes.suite").joinpath("pytest_plugin.py")
    folder = scratch / "plugin"
    folder.mkdir()
    (folder / f"{PLUGIN}.py").write_bytes(source.read_bytes())
    return folder


def environment(
    spec: SuiteProbe, run: Run, proxy: str, channel: str, scratch: Path
) -> dict[str, str]:
    """All variables of the suite's process.

    Args:
        spec: the probe.
        run: what it runs in.
        proxy: host:port of the proxy.
        channel: where the plugin reports.
        scratch: a directory for this run, with `plugin` in it, and what to trust (trust_store)
            where there are hosts.

    Raises:
        CannotAskError: a variable has no value, or one that no environment can hold.
    """
    given = _given(spec, run, f"http://{proxy}")
    ours = {CHANNEL: channel, JUNIT: str(scratch / "junit.xml")}
    paths = [str(scratch / "plugin"), given.get("PYTHONPATH", "")]
    ours["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    ours["PYTEST_ADDOPTS"] = f"-p {PLUGIN} {given.get('PYTEST_ADDOPTS', '')}".strip()
    if spec.only is not None:
        names = scratch / "only.json"
        names.write_text(json.dumps(sorted(spec.only)), encoding="utf-8")
        ours[ONLY] = str(names)
    if spec.hosts:
        ours |= _proxied(spec, proxy) | _trusting(scratch)
    return {**run.surroundings.environment, **given, **ours}


def _given(spec: SuiteProbe, run: Run, url: str) -> dict[str, str]:
    """The policy's variables, with the proxy in the candidate's place."""
    values = run.values(run.nonces.new(), url=url)
    given = {name: parse(value).render(values) for name, value in spec.env}
    for name, value in given.items():
        if "\0" in value:
            raise CannotAskError(f"a NUL in the value of {name}", "a value that can be passed on")
    return given


def _proxied(spec: SuiteProbe, proxy: str) -> dict[str, str]:
    """The variables by which HTTP and WebSocket clients find a proxy."""
    direct = ",".join(host for host in _LOOPBACK if host not in spec.hosts)
    found = {"HTTP_PROXY": f"http://{proxy}", "HTTPS_PROXY": f"http://{proxy}", "NO_PROXY": direct}
    found |= {name.lower(): value for name, value in found.items()}
    return found


def _trusting(scratch: Path) -> dict[str, str]:
    """The variables by which clients know whom to trust.

    SSL_CERT_FILE is empty: else OpenSSL would read this machine's file for each connection.
    """
    folder = str(scratch / trust_store.FOLDER)
    return {
        "SSL_CERT_FILE": "",
        "SSL_CERT_DIR": folder,
        "REQUESTS_CA_BUNDLE": folder,
        "CURL_CA_BUNDLE": str(scratch / trust_store.FILE),
        "NODE_EXTRA_CA_CERTS": str(scratch / trust_store.OWN),
    }


def command(spec: SuiteProbe, folder: Path, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The command with its program found on the suite's own PATH.

    Raises:
        CannotAskError: it is not there.
    """
    program, *arguments = spec.run
    if "/" in program:
        found = shutil.which(str(folder / program))
    else:
        found = shutil.which(program, path=environment.get("PATH", os.defpath))
    if found is None:
        hint = "it is looked for on PATH, or below the suite's directory"
        raise CannotAskError(f"no program {program}", "one that can be run", hint)
    return (found, *arguments)
