"""A secret shows itself to nobody, and cannot be serialized."""

import copy
import json
import pickle

import msgspec
import orjson
import pytest
import yaml

from gate.core.redaction import Redactor
from gate.core.secret import Secret

VALUE = "s3cr3t-v4lue"
SECRET = Secret(VALUE)


@pytest.mark.parametrize(
    "shown", [str(SECRET), repr(SECRET), f"{SECRET}", f"{[SECRET]}", f"{SECRET!s:>20}"]
)
def test_no_text_of_it_has_its_value(shown):
    assert VALUE not in shown
    assert "[secret]" in shown


@pytest.mark.parametrize(
    "written",
    [json.dumps, orjson.dumps, msgspec.json.encode, pickle.dumps, yaml.safe_dump, copy.deepcopy],
)
def test_nothing_serializes_it(written):
    with pytest.raises((TypeError, yaml.YAMLError)) as refused:
        written({"token": SECRET})
    assert VALUE not in str(refused.value)


def test_it_has_no_attributes_to_be_read_by_accident():
    with pytest.raises(TypeError):
        vars(SECRET)
    assert SECRET.reveal() == VALUE


def test_a_redactor_hides_it():
    assert Redactor({"alice": SECRET}).text(f"token {VALUE}") == "token [secret alice]"


def test_two_of_the_same_value_are_equal_and_a_text_is_none():
    assert Secret(VALUE) == SECRET
    assert hash(Secret(VALUE)) == hash(SECRET)
    assert SECRET != VALUE
