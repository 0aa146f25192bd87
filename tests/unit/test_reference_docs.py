"""README's exit codes and environment, and docs/incident.md: held against the code."""

import ast
import re
import shlex

import pytest

from gate.cli import main as cli
from gate.core.gcloud import instead, look
from gate.core.service import ServiceRef
from gate.core.state import Kind, Plan
from gate.errors import ExitCode
from tests.contract.local_gcloud import needs_gcloud
from tests.contract.test_gcloud_docs import judged
from tests.dockerfile import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
INCIDENT = (ROOT / "docs" / "incident.md").read_text(encoding="utf-8")
INDEX = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
SHELL = "".join(re.findall(r"^```sh\n(.*?)^```$", INCIDENT, re.MULTILINE | re.DOTALL))
WHERE = re.search(r'^WHERE="(.*)"$', SHELL, re.MULTILINE)[1]
NAME = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|COLUMNS|TERM|PORT|HOME|PATH|LANG|TMPDIR")
WRITES = {"local_env.py"}
"""What only sets variables for others."""
NOT_OURS = {"PATH", "HOME", "LANG", "TMPDIR", "GRPC_ENABLE_FORK_SUPPORT", "GRPC_VERBOSITY"}
"""What is handed on, or set, and changes nothing that the gate does."""


def section(title):
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(text):
    return re.findall(r"^\| (.*?) \| (.*?) \|", text, re.MULTILINE)


def named(path):
    """What a file's text names that looks like a variable of the environment."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    texts = (node.value for node in nodes if isinstance(node, ast.Constant))
    return {text for text in texts if isinstance(text, str) and NAME.fullmatch(text)}


def test_each_exit_code_has_a_line_in_the_readme_in_the_words_of_the_help():
    table = {int(code): said for code, said in rows(section("Exit codes")) if code.isdigit()}
    helped = re.findall(r"^  (\d+) +(.*)$", cli.EXIT_CODES, re.MULTILINE)
    assert table == {int(code): said for code, said in helped}
    assert set(table) == {int(code) for code in ExitCode}


def test_each_variable_that_is_read_is_told_in_the_readme_and_no_other():
    files = [*(ROOT / "gate" / "cli").glob("*.py"), *(ROOT / "gate" / "api").glob("*.py")]
    read = set().union(*(named(path) for path in files if path.name not in WRITES)) - NOT_OURS
    told = {name for cell, _ in rows(section("Environment")) for name in NAME.findall(cell)}
    assert read - told == set()
    by_libraries = {"HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "NO_COLOR"}
    assert told - read == by_libraries


def test_the_page_for_incidents_says_what_each_exit_code_means_then():
    told = {int(code) for code, _ in rows(INCIDENT) if code.isdigit()}
    assert told == {int(code) for code in ExitCode}


def test_each_call_of_the_gate_for_incidents_is_one_that_it_takes():
    lines = [line.replace("$WHERE", WHERE) for line in SHELL.splitlines()]
    calls = [words[1:] for line in lines if (words := shlex.split(line))[:1] == ["gate"]]
    names = ["status", "rollback", "rollback", "recover", "unlock", "audit", "rollout"]
    assert [words[0] for words in calls] == names
    for words in calls:
        cli.parser_with(words[:1]).parse_args(words)
    assert all("--yes" in words for words in calls if words[0] in {"rollback", "unlock"})


def by_gcloud():
    return [line for line in SHELL.splitlines() if line.startswith("gcloud ")]


def test_gclouds_way_is_the_one_that_the_gate_prints():
    ref = ServiceRef("my-project", "us-central1", "backend")
    _, command = instead(Plan(Kind.ROLLBACK, ref, tag="", revision="backend-00041-abc"))
    assert look(ref) in by_gcloud()
    assert command in by_gcloud()


@needs_gcloud
@pytest.mark.timeout(300)
def test_gcloud_takes_its_commands(tmp_path):
    assert judged(by_gcloud(), tmp_path) == [None] * 3


def test_the_index_leads_to_every_page():
    links = set(re.findall(r"\]\(([a-z0-9./-]+)(?:#[a-z-]+)?\)", INDEX))
    assert all((ROOT / "docs" / link).exists() for link in links)
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert pages - links == set()
    kinds = re.findall(r"^\| \*\*(.*?)\*\* \|", INDEX, re.MULTILINE)
    assert [words.split()[0] for words in kinds] == ["put", "end", "review"]


def test_every_option_is_told_on_the_page_of_commands():
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    for command in cli.COMMANDS:
        assert re.search(rf"^## `gate {command}\b", page, re.MULTILINE), command
    assert "--impersonate-service-account" in page
