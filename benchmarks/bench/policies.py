"""The policies of the scenarios: the shipped one, and documented variants of it (policies.yaml).

A variant names what it changes in another policy (`of`), in that of a `file`, or in the shipped
one: mappings are merged, `null` takes a key away, anything else replaces what was there;
`everywhere` then replaces values of a key, wherever it has them: `{within: {10s: 2s}}`.
"""

import shutil
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
SHIPPED = HERE.parent.parent / "policies"


def write(folder: Path) -> dict[str, Path]:
    """Writes every policy with the schemas it names; gives the path of each by name."""
    shutil.copytree(SHIPPED / "schemas", folder / "schemas")
    for schema in sorted((HERE / "schemas").glob("*.json")):
        shutil.copy(schema, folder / "schemas" / schema.name)
    if (HERE / "suites").is_dir():
        shutil.copytree(HERE / "suites", folder / "suites")
    changes = yaml.safe_load((HERE / "policies.yaml").read_text(encoding="utf-8"))
    paths = {}
    for name in changes:
        paths[name] = folder / f"{name}.yaml"
        text = yaml.safe_dump(policy(name, changes), sort_keys=False, allow_unicode=True)
        paths[name].write_text(text, encoding="utf-8")
    return paths


def policy(name: str, changes: dict[str, Any]) -> dict[str, Any]:
    """One policy in full."""
    change = changes[name]
    if "of" in change:
        base = policy(change["of"], changes)
    else:
        whole = HERE / change["file"] if "file" in change else SHIPPED / "backend.yaml"
        base = yaml.safe_load(whole.read_text(encoding="utf-8"))
    merged = _everywhere(_merged(base, change.get("change") or {}), change.get("everywhere") or {})
    assert isinstance(merged, dict)
    return merged


def _everywhere(value: Any, limits: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_everywhere(each, limits) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: limits[key].get(each, each) if key in limits else _everywhere(each, limits)
        for key, each in value.items()
    }


def _merged(base: Any, change: Any) -> Any:
    if not (isinstance(base, dict) and isinstance(change, dict)):
        return change
    merged = dict(base)
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value)
    return merged
