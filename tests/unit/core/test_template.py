import base64

import pytest

from gate.core.template import names, parse, parse_json
from gate.errors import ValueProblem

VALUES = {"alice": "s3cr€t?", "nonce": "n1", "url": "https://candidate.example"}


def test_text_without_references_stays_as_it_is():
    assert parse("a $5 {b} $ c").render({}) == "a $5 {b} $ c"


def test_a_reference_is_replaced_wherever_it_stands():
    assert parse("${url}/x/${nonce}-${ nonce }").render(VALUES) == (
        "https://candidate.example/x/n1-n1"
    )


def test_base64url_is_of_the_utf8_bytes_and_unpadded():
    rendered = parse("jwt.${alice|base64url}").render(VALUES)
    encoded = rendered.removeprefix("jwt.")
    assert "=" not in encoded
    assert "/" not in encoded
    padded = encoded + "=" * (-len(encoded) % 4)
    assert base64.urlsafe_b64decode(padded).decode() == VALUES["alice"]


def test_two_dollars_write_a_brace_that_is_no_reference():
    template = parse("$${nonce} and ${nonce}")
    assert template.render(VALUES) == "${nonce} and n1"
    assert template.names == {"nonce"}


def test_a_replaced_value_is_not_read_again():
    assert parse("${a}").render({"a": "${b}", "b": "no"}) == "${b}"


def test_a_json_value_renders_at_any_depth_keys_too():
    template = parse_json({"id-${nonce}": [1, None, True, {"text": "hello ${nonce}", "n": 1.5}]})
    assert template.render(VALUES) == {"id-n1": [1, None, True, {"text": "hello n1", "n": 1.5}]}
    assert template.names == {"nonce"}
    assert not template.constant


def test_a_json_value_without_references_is_returned_itself():
    value = {"type": "ping", "list": [1, 2]}
    template = parse_json(value)
    assert template.constant
    assert template.render({}) is value


def test_an_escaped_brace_in_json_is_no_constant():
    assert parse_json(["$${x}"]).render({}) == ["${x}"]


def test_names_are_found_at_any_depth():
    assert names({"${a}": ["${b|base64url}", {"c": "${c} ${d}"}], "n": 4}) == {"a", "b", "c", "d"}


def test_a_missing_value_is_a_key_error():
    with pytest.raises(KeyError, match="bob"):
        parse("${bob}").render(VALUES)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hello ${nonce", "no closing"),
        ("${}", "not a reference"),
        ("${two words}", "not a reference"),
        ("${a|upper}", "unknown filter"),
        ("${a|}", "unknown filter"),
        ("${a|base64url|x}", "not a reference"),
        ("${a{b}", "no closing"),
    ],
)
def test_a_malformed_reference_is_refused(text, says):
    with pytest.raises(ValueProblem, match=says):
        parse(text)
