import json

import pytest

from gate.policyfile import check_policy, load_policy
from gate.policyfile.contract import BadSchemaError, read_schema
from tests.unit.policy_files import probes, write


def put(folder, name, document):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))


def refused(folder, name="a.json"):
    with pytest.raises(BadSchemaError) as raised:
        read_schema(folder, name)
    return raised.value.message


def test_a_schema_is_read_with_its_name(tmp_path):
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://example.com/a.json",
        "$defs": {"name": {"type": "string"}, "tree": {"$anchor": "t", "type": "object"}},
        "properties": {
            "a": {"$ref": "#/$defs/name"},
            "b": {"$ref": "#t"},
            "again": {"$ref": "#"},
            "c": {"const": {"$ref": "https://elsewhere.example/no-reference"}},
        },
    }
    put(tmp_path, "schemas/a.json", document)
    schema = read_schema(tmp_path, "schemas/a.json")
    assert (schema.path, schema.document) == ("schemas/a.json", document)


def test_older_dialects_are_read_too(tmp_path):
    put(tmp_path, "a.json", {"$schema": "http://json-schema.org/draft-07/schema#", "const": 1})
    assert read_schema(tmp_path, "a.json").document


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../a.json", "x/../../a.json", "x\\..\\a.json", "x/../a.json"]
)
def test_a_schema_outside_the_policys_folder_is_refused(tmp_path, name):
    folder = tmp_path / "policies"
    folder.mkdir()
    put(tmp_path, "a.json", {})
    assert "leaves the policy's folder (expected a path below it)" in refused(folder, name)


def test_a_link_out_of_the_policys_folder_is_refused(tmp_path):
    folder = tmp_path / "policies"
    folder.mkdir()
    put(tmp_path, "a.json", {})
    (folder / "link.json").symlink_to(tmp_path / "a.json")
    (folder / "up").symlink_to(tmp_path)
    assert "is a link that leaves the policy's folder" in refused(folder, "link.json")
    assert "is a link that leaves the policy's folder" in refused(folder, "up/a.json")


def test_a_link_within_the_policys_folder_is_followed(tmp_path):
    put(tmp_path, "a.json", {"type": "null"})
    (tmp_path / "b.json").symlink_to(tmp_path / "a.json")
    (tmp_path / "linked").symlink_to(tmp_path)
    assert read_schema(tmp_path, "b.json").document == {"type": "null"}
    assert read_schema(tmp_path / "linked", "a.json").document == {"type": "null"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "a.json:1:2 is not JSON"),
        ('{\n "a" 1}', "a.json:2:6 is not JSON"),
        ('{"a": NaN}', "a.json is not JSON (NaN is no JSON number)"),
        ('{"a": 1, "a": 2}', "a.json is not JSON (key 'a' is given twice)"),
        ("[]", "a.json is not a JSON Schema (expected an object)"),
        ("true", "a.json is not a JSON Schema (expected an object)"),
        ('{"type": "strin"}', "a.json is not a valid JSON Schema (at type: 'strin'"),
        ('{"properties": {"a": {"minimum": "x"}}}', "(at properties/a/minimum: 'x'"),
        (
            '{"properties":\n  {"a": {"pattern": "("}}}',
            (
                "a.json:2:21 is not a valid JSON Schema (at properties/a/pattern: "
                "'(' is no regular expression: missing ), unterminated subpattern at position 0)"
            ),
        ),
        (
            '{"items": {"patternProperties": {"\\\\p{L}": {}}}}',
            "a.json:1:34 is not a valid JSON Schema (at items/patternProperties/\\p{L}: ",
        ),
        (
            json.dumps({"pattern": "(" * 9000}),
            "' is no regular expression: nested too deeply)",
        ),
        ('{"$schema": "https://example.com/mine"}', "is of an unknown dialect"),
        ('{"$schema": 5}', "is of an unknown dialect"),
        ('{"$ref": "b.json"}', "refers to another document (got 'b.json')"),
        ('{"items": {"$ref": "https://e.example/x"}}', "refers to another document"),
        ('{"$ref": "#/$defs/a"}', "refers to what it does not hold (got '#/$defs/a')"),
        ('{"$ref": "#nowhere"}', "refers to what it does not hold (got '#nowhere')"),
        ('{"$ref": "#"}', "refers to itself without end"),
        ('{"not": {"allOf": [{"$ref": "#"}]}}', "refers to itself without end"),
        ('{"$dynamicRef": "#x"}', "has a $dynamicRef"),
        ('{"$defs": {"a": {"$id": "b"}}}', "has a $id"),
        ("[" * 100_000, "is nested too deeply"),
        ('{"not": ' * 70 + "{}" + "}" * 70, "is nested too deeply"),
        ("\0", "a.json:1:1 is not text"),
    ],
)
def test_what_is_no_usable_schema_is_refused(tmp_path, text, message):
    put(tmp_path, "a.json", text)
    assert message in refused(tmp_path)


def test_a_schema_that_multiplies_is_refused(tmp_path):
    many = {f"a{i}": {"allOf": [{"$ref": f"#/$defs/a{i + 1}"}] * 10} for i in range(9)}
    put(tmp_path, "a.json", {"$defs": {**many, "a9": {}}, "$ref": "#/$defs/a0"})
    assert "applies too many subschemas to one value" in refused(tmp_path)


def test_a_bad_schema_is_a_problem_at_each_policys_place_once(tmp_path):
    path = write(
        tmp_path,
        probes(
            """\
            x: {http: {path: /}, expect: {schema: a.json}}
            y: {http: {path: /}, expect: {schema: a.json}}
            z: {websocket: {path: /ws, script: [{expect: {schema: b.json}}]}}
            """
        ),
    )
    found = [str(problem) for problem in check_policy(path).problems]
    assert found == [
        f"{path}:6:41: probes.x.expect.schema: a.json does not exist (got no file)",
        (
            f"{path}:8:57: probes.z.websocket.script[0].expect.schema: "
            "b.json does not exist (got no file)"
        ),
    ]


def test_a_schema_read_twice_is_one_document(tmp_path):
    put(tmp_path, "a.json", {})
    both = "{http: {path: /}, expect: {schema: a.json}}"
    policy = load_policy(write(tmp_path, probes(f"x: {both}\ny: {both}\n")))
    first, second = (probe.spec.answer.schema for probe in policy.probes)
    assert first is second
