"""What is known of a file while its values are read: names that it defines, and schema files."""

from collections.abc import Iterable
from pathlib import Path

from gate.core.expectations import Schema
from gate.errors import ValueProblem
from gate.policyfile.problems import Problems
from gate.policyfile.tree import Mapping, Node


class FileReading:
    """Implements gate.kinds.templates.Reading.

    Args:
        folder: where the policy lies; schema files are below it.
        problems: for guesses, which are bounded by how many there are.
        root: the whole file; names count, good or bad.
    """

    def __init__(self, folder: Path, problems: Problems, root: Node) -> None:
        self.secrets = _names(root, "secrets")
        self.capabilities = _names(root, "capabilities")
        self._folder = folder
        self._problems = problems
        self._schemas: dict[str, Schema] = {}

    def guess(self, name: str, known: Iterable[str], otherwise: str) -> str:
        """As Reading.guess."""
        return self._problems.guess(name, known, otherwise)

    def query(self, language: str, text: str) -> None:
        """As Reading.query; the libraries are imported for policies that have such queries."""
        from gate.policyfile.queries import check  # noqa: PLC0415

        check(language, text)

    def schema(self, name: str) -> Schema:
        """As Reading.schema; each file is read, and found bad, once."""
        if name not in self._schemas:
            # jsonschema takes longer to import than all the rest: only for policies that use it
            from gate.policyfile.contract import BadSchemaError, read_schema  # noqa: PLC0415

            try:
                self._schemas[name] = read_schema(self._folder, name)
            except BadSchemaError as error:
                self._schemas[name] = Schema(name, {})
                raise ValueProblem("schema", error.message, error.hint) from None
        return self._schemas[name]


def _names(root: Node, key: str) -> frozenset[str]:
    """The names that a mapping of the policy defines, with those whose values are bad."""
    node = root.entries[key][1] if isinstance(root, Mapping) and key in root.entries else None
    return frozenset(node.entries) if isinstance(node, Mapping) else frozenset()
