"""The policy format as a JSON Schema (Draft 2020-12), for editors."""

from typing import Annotated, Any, cast

from gate.core.policy import Json
from gate.kinds.keys import Keys
from gate.kinds.probe import probe_keys
from gate.kinds.records import Record
from gate.kinds.registry import keys_of_kinds, kinds_of_key
from gate.policyfile.format import TOP
from gate.policyfile.keys import PROBES


def policy_schema() -> Json:
    """The whole of it: what pydantic makes of the keys, with every kind that the gate has."""
    schema = _schema(TOP)
    kinds = [kind for key in keys_of_kinds() for kind in kinds_of_key(key)]
    probes = schema["properties"][PROBES]
    probes["additionalProperties"] = {"oneOf": [probe_schema(kind) for kind in kinds]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "gate policy",
        **schema,
    }


def probe_schema(kind: type[Keys]) -> dict[str, Json]:
    """The schema of a probe of one kind."""
    return cast("dict[str, Json]", _schema(probe_keys(kind)))


def _schema(record: Record) -> dict[str, Any]:
    from pydantic import TypeAdapter  # noqa: PLC0415 - lazy, as all of pydantic
    from pydantic.json_schema import GenerateJsonSchema  # noqa: PLC0415

    class Untitled(GenerateJsonSchema):
        """Keys speak for themselves."""

        def field_title_should_be_set(self, schema: object) -> bool:
            del schema
            return False

    adapter: TypeAdapter[Any] = TypeAdapter(Annotated[object, record])
    return adapter.json_schema(schema_generator=Untitled)
