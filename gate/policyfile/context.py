"""What building a policy from its fields needs everywhere: problems, names and schema files."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from gate.core import template
from gate.core.expectations import Pattern, Schema
from gate.errors import ValueProblem
from gate.policyfile import format as form
from gate.policyfile.problems import Problems, shown
from gate.policyfile.records import Fields, Read
from gate.policyfile.tree import Mapping as MappingNode
from gate.policyfile.tree import Node, Scalar, Sequence

T = TypeVar("T")

_ATTRIBUTES = ("{}", "{}_s", "{}_percent", "{}_code")
_STAND_INS: Mapping[str, object] = {"path": "/"}
_WITHOUT_DEFAULT = frozenset({"none", "probes"})


class Context:
    """The file being read.

    Args:
        folder: where the policy lies; schema files are below it.
        problems: where problems are noted.
        secrets, capabilities: names that the policy defines, good or bad.
    """

    def __init__(
        self,
        folder: Path,
        problems: Problems,
        secrets: Iterable[str] = (),
        capabilities: Iterable[str] = (),
    ) -> None:
        self.problems = problems
        self.secrets = frozenset(secrets)
        self.capabilities = frozenset(capabilities)
        self._folder = folder
        self._schemas: dict[str, Schema] = {}

    def schema(self, read: Read[str] | None) -> Schema | None:
        """The schema file that a `schema` key names; each is read, and found bad, once."""
        if read is None:
            return None
        name = read.value
        if name not in self._schemas:
            # jsonschema takes longer to import than all the rest: only for policies that use it
            from gate.policyfile.contract import BadSchemaError, read_schema  # noqa: PLC0415

            try:
                self._schemas[name] = read_schema(self._folder, name)
            except BadSchemaError as error:
                self._schemas[name] = Schema(name, {})
                where = f"{read.node.path}: {error.message}"
                self.problems.add(read.node.mark, where, error.hint)
        return self._schemas[name]

    def pattern(self, fields: Fields) -> Pattern:
        """The pattern that `json` and `schema` make."""
        return Pattern(fields.get(form.JSON, None), self.schema(fields.find(form.SCHEMA)))

    def names(self, *reads: Read[object] | None) -> frozenset[str]:
        """The names that the templates in these values refer to; bad ones are noted."""
        return frozenset().union(*(self._names(read.node) for read in reads if read is not None))

    def _names(self, node: Node) -> frozenset[str]:
        found: set[str] = set()
        for text, scalar in _texts(node):
            try:
                used = template.names(text)
            except ValueProblem as problem:
                message = f"{scalar.path}: {problem.message}"
                self.problems.add(scalar.mark, message, problem.hint)
                continue
            for name in sorted(used - self.secrets - template.BUILTINS):
                self._note_unknown(name, scalar)
            found |= used
        return frozenset(found)

    def no_template(self, read: Read[str] | None) -> None:
        """Refuses a template where none is rendered: it would be taken for plain text."""
        if read is not None and "${" in read.value:
            self.problems.add(
                read.node.mark,
                f"{read.node.path}: holds a template where none is rendered "
                f"(got {shown(read.value)}, expected plain text)",
            )

    def no_user(self, fields: Fields, names: frozenset[str]) -> None:
        """Refuses `${user}` where no connection has one."""
        if template.USER in names:
            where = fields.node()
            self.problems.add(
                where.mark,
                f"{where.path}: uses ${{user}}, which only connections of a websocket probe have",
                "name the secret itself",
            )

    def _note_unknown(self, name: str, scalar: Scalar) -> None:
        builtins = ", ".join(sorted(template.BUILTINS))
        self.problems.add(
            scalar.mark,
            f"{scalar.path}: names an unknown secret (got {shown(name)})",
            self.problems.guess(
                name,
                self.secrets | template.BUILTINS,
                f"define it under secrets, or use one of {builtins}",
            ),
        )

    def construct(
        self, make: Callable[..., T], given: dict[str, object], *records: Fields
    ) -> T | None:
        """Makes a value of the core; each ValueProblem is noted at the key that it is about.

        A refused value is replaced by its default and the rest is tried again, so that every
        problem of a record is found.

        Args:
            make: the type.
            given: its arguments; replaced where refused.
            records: where the keys are; the last resort for a place is the first one.
        """
        while True:
            try:
                return make(**given)
            except ValueProblem as problem:
                self._note_value(problem, records)
                names = [attribute.format(problem.field) for attribute in _ATTRIBUTES]
                refused = [name for name in names if name in given]
                if not refused or refused[0] in _WITHOUT_DEFAULT:
                    return None
                del given[refused[0]]
                given |= {name: value for name, value in _STAND_INS.items() if name in refused}

    def _note_value(self, problem: ValueProblem, records: tuple[Fields, ...]) -> None:
        for record in records:
            place = record.entry(problem.field)
            if place is not None:
                self.problems.add(place.mark, f"{place.path}: {problem.message}", problem.hint)
                return
        node = records[0].node()
        path = f"{node.path}.{problem.field}" if node.path else problem.field
        self.problems.add(node.mark, f"{path}: {problem.message}", problem.hint)


def _texts(node: Node) -> Iterable[tuple[str, Scalar]]:
    match node:
        case Scalar(str() as text):
            yield text, node
        case Sequence(items):
            for item in items:
                yield from _texts(item)
        case MappingNode(entries):
            for key, (mark, value) in entries.items():
                yield key, Scalar(key, mark, value.path)
                yield from _texts(value)
        case _:
            return
