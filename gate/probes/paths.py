"""Paths that hold templates: what is put in is percent-encoded, and cannot lead elsewhere."""

from collections.abc import Mapping
from urllib.parse import quote

from gate.core import checks
from gate.core.template import Template
from gate.errors import ValueProblem
from gate.probes.outcome import CannotAskError


def rendered(path: Template, values: Mapping[str, str]) -> str:
    """The path with each reference replaced by its value, percent-encoded.

    Args:
        path: as the policy writes it.
        values: by name.

    Raises:
        CannotAskError: a value is missing, or the whole never reaches the candidate.
    """
    parts = (
        part if isinstance(part, str) else quote(part.value(values), safe="") for part in path.parts
    )
    whole = "".join(parts)
    try:
        checks.path_on_candidate(whole)
    except ValueProblem as problem:
        # without the rendered text: it may hold a secret
        raise CannotAskError(
            f"a path that cannot be asked once its templates are filled in ({path.source})",
            "a path that reaches the candidate",
            problem.hint,
        ) from None
    return whole
