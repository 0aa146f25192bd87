"""Every kind that is named is declared whole, and nothing else in the gate knows kinds by name."""

import ast
import inspect
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path

import pytest

import gate
from gate.kinds.keys import Keys
from gate.kinds.kind import Control, LeadsTo, Turn
from gate.kinds.records import Expected, Key, slots_of
from gate.kinds.registry import KEYS, KINDS, keys_of_kinds, kind_of, kinds_of_key

ROOT = Path(gate.__file__).parent
NAMES = sorted(KINDS)
CLASSES = {KINDS[name].partition(":")[2] for name in KINDS}


@pytest.mark.parametrize("name", NAMES)
def test_a_kind_is_declared_whole(name):
    kind = kind_of(name)
    assert issubclass(kind, Keys)
    assert is_dataclass(kind)
    assert kind.facts.name == name
    assert kind.facts.about
    assert inspect.getdoc(kind)
    told = {slot.field for slot in slots_of(kind)}
    untold = {one.name for one in fields(kind)} - told
    assert untold <= {"can_fail", "only", "untried"}  # what proving says, not a policy
    for slot in slots_of(kind):
        assert isinstance(slot.key, Key | Expected)
        assert slot.key.about or slot.inline


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_probe_has_something_that_asks_it(name):
    module, _, attribute = kind_of(name).facts.ask.partition(":")
    assert inspect.iscoroutinefunction(getattr(import_module(module), attribute))


def test_only_logs_wait_for_the_others_and_only_configurations_come_before_them():
    facts = {name: kind_of(name).facts for name in NAMES}
    assert [name for name in NAMES if facts[name].turn is Turn.LAST] == ["logs"]
    assert [name for name in NAMES if facts[name].turn is Turn.FIRST] == ["diff"]
    assert [name for name in NAMES if facts[name].turn is Turn.COLD] == ["startup"]


@pytest.mark.parametrize("name", NAMES)
def test_what_passes_no_proxy_says_why_and_what_asks_stable_itself_asks_an_address(name):
    facts = kind_of(name).facts
    assert facts.addressed is (facts.leads_to is LeadsTo.ADDRESS)
    assert facts.past_proxy or facts.addressed
    assert facts.control is not Control.ITSELF or facts.addressed
    assert not (facts.once and facts.asks_users)


def test_a_shared_key_belongs_to_those_that_share_it():
    assert [kind.facts.name for kind in kinds_of_key("http")] == ["http", "latency"]
    assert kinds_of_key("latency") == ()
    assert kinds_of_key("ftp") == ()
    assert "latency" not in keys_of_kinds()
    for key, names in KEYS.items():
        assert all(kind_of(name).facts.key == key for name in names)


def files():
    """Every file that is not a kind's own, but for drafts, which write what the kinds read."""
    for path in sorted(ROOT.rglob("*.py")):
        place = path.relative_to(ROOT).as_posix()
        own = place.startswith(("kinds/", "local/", "drafting/")) or _asks(place)
        if not own:
            yield place, ast.parse(path.read_text())


def _asks(place: str) -> bool:
    parts = place.split("/")
    asking = {kind_of(name).facts.ask.split(":")[0].split(".")[2] for name in NAMES}
    shared = {"sockets", "recording"}  # a WebSocket is opened, and heard, as its probe does it
    return parts[0] == "probes" and parts[1].removesuffix(".py") in asking | shared


def test_nothing_but_its_own_probe_knows_a_kind_by_its_type():
    known = {
        f"{place}:{node.lineno} {name}"
        for place, tree in files()
        for node in ast.walk(tree)
        for name in [getattr(node, "id", "") or getattr(node, "name", "")]
        if name in CLASSES
    }
    assert not known


def test_nothing_tells_kinds_apart_by_their_names():
    """No comparison with, and no set of, names of kinds: gate.kinds says what they are."""
    apart = set()
    for place, tree in files():
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare | ast.Set):
                named = {
                    one.value
                    for one in ast.walk(node)
                    if isinstance(one, ast.Constant) and one.value in KINDS
                }
                if named and not place.startswith(TALKS_OF_PROTOCOLS):
                    apart.add(f"{place}:{node.lineno} {sorted(named)}")
    assert not apart


TALKS_OF_PROTOCOLS = (
    "cloud/tls.py",
    "cli/probe.py",
    "notify/delivery.py",
    "console/door.py",
    "probes/redirect.py",
    "probes/inquiry.py",
    "mutation/proxy.py",
)
"""Schemes of URLs, and the header `upgrade`."""
