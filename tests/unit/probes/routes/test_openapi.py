import json

import pytest

from gate.probes.routes.openapi import (
    BreakingChange,
    NoDocumentError,
    breaking_changes,
    key_of,
    routes_of,
)


def document(paths, **more):
    return {"openapi": "3.1.0", "paths": paths, **more}


def lost(stable, candidate):
    return breaking_changes(routes_of(stable), routes_of(candidate))


QUERY = {"in": "query", "name": "page"}
ITEMS = document({"/items": {"get": {}, "post": {}}, "/items/{id}": {"get": {}}})


def test_a_document_loses_nothing_against_itself():
    assert lost(ITEMS, ITEMS) == ()
    assert set(routes_of(ITEMS)) == {"GET /items", "POST /items", "GET /items/{}"}


def test_a_path_and_a_method_that_are_gone():
    assert lost(ITEMS, document({"/items": {"get": {}}})) == (
        BreakingChange("POST /items"),
        BreakingChange("GET /items/{id}"),
    )


def test_what_is_new_is_not_lost():
    assert lost(document({"/items": {"get": {}}}), ITEMS) == ()


def test_the_name_of_a_path_parameter_does_not_matter():
    renamed = document({"/items": {"get": {}, "post": {}}, "/items/{item_id}": {"get": {}}})
    assert lost(ITEMS, renamed) == ()
    assert key_of("get /items/{id}") == "GET /items/{}"


@pytest.mark.parametrize(
    ("before", "now", "needs"),
    [
        ({}, {"parameters": [{**QUERY, "required": True}]}, ("query parameter page",)),
        (
            {"parameters": [QUERY]},
            {"parameters": [{**QUERY, "required": True}]},
            ("query parameter page",),
        ),
        ({"parameters": [{**QUERY, "required": True}]}, {}, None),
        ({}, {"parameters": [QUERY]}, None),
        ({}, {"parameters": [{"in": "path", "name": "id", "required": True}]}, None),
        (
            {"parameters": [{**QUERY, "required": True}]},
            {"parameters": [{**QUERY, "in": "header", "required": True}]},
            ("header parameter page",),
        ),
        ({}, {"requestBody": {"required": True}}, ("a body",)),
        ({"requestBody": {"required": True}}, {"requestBody": {}}, None),
        ({}, {"parameters": [{"in": "body", "name": "b", "required": True}]}, ("a body",)),
    ],
)
def test_what_a_route_asks_for_that_it_did_not(before, now, needs):
    found = lost(document({"/a": {"put": before}}), document({"/a": {"put": now}}))
    assert found == (() if needs is None else (BreakingChange("PUT /a", needs),))


def with_body(**schemas):
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Item"}}}
    return document(
        {"/a": {"post": {"requestBody": {"content": content}}}}, components={"schemas": schemas}
    )


def test_a_property_that_a_body_needs_now_through_references():
    base = {"required": ["name"]}
    before = with_body(Item=base)
    now = with_body(
        Item={"allOf": [{"$ref": "#/components/schemas/Base"}, {"required": ["x"]}]}, Base=base
    )
    assert lost(before, now) == (BreakingChange("POST /a", ("x in the body",)),)


def answering(schema, status="200"):
    content = {"application/json": {"schema": schema}}
    responses = {"404": {}, status: {"content": content}}
    return document(
        {"/a": {"get": {"responses": responses}}},
        components={"schemas": {"Base": {"required": ["id", "name"]}}},
    )


BASE = {"$ref": "#/components/schemas/Base"}


@pytest.mark.parametrize(
    ("now", "unpromised"),
    [
        (answering({"properties": {"id": {}}, "required": ["id"]}), ("name",)),
        (answering({"properties": {"id": {}, "name": {}}}), ("id", "name")),  # may be left out now
        (answering({"allOf": [BASE, {"required": ["new"]}]}), ()),
        (answering(BASE, "201"), ()),
        (answering({}), ()),  # nothing is said of it
        (answering({"anyOf": [BASE]}), ()),
        (document({"/a": {"get": {}}}), ()),
        (document({"/a": {"get": {"responses": [7]}}}), ()),
        # Swagger 2.0
        (document({"/a": {"get": {"responses": {"200": {"schema": {"required": ["id"]}}}}}}),
         ("name",)),
    ],
)  # fmt: skip
def test_a_property_that_an_answer_no_longer_promises(now, unpromised):
    found = lost(answering(BASE), now)
    assert found == ((BreakingChange("GET /a", (), unpromised),) if unpromised else ())
    assert not any(change.gone for change in found)


def test_what_no_answer_promised_is_not_missed():
    assert lost(document({"/a": {"get": {}}}), answering(BASE)) == ()
    assert lost(answering({"required": ["error"]}, "404"), answering({"required": []})) == ()


def test_parameters_of_the_path_hold_for_each_method_unless_it_says_otherwise():
    shared = [{**QUERY, "required": True}, {"$ref": "#/components/parameters/T"}]
    parameters = {"T": {"in": "header", "name": "X-T", "required": True}}
    now = document(
        {"/a": {"parameters": shared, "get": {"parameters": [QUERY]}, "put": {}}},
        components={"parameters": parameters},
    )
    assert lost(document({"/a": {"get": {}, "put": {}}}), now) == (
        BreakingChange("GET /a", ("header parameter X-T",)),
        BreakingChange("PUT /a", ("header parameter X-T", "query parameter page")),
    )


@pytest.mark.parametrize("value", [None, [], 3, "x", {}, {"paths": None}, {"paths": []}])
def test_what_is_no_document_is_refused(value):
    with pytest.raises(NoDocumentError):
        routes_of(value)


def test_a_hostile_document_ends():
    circle = {"allOf": [{"$ref": "#/s"}, {"$ref": "#/s"}]}
    hostile = {
        "s": circle,
        "r": {"$ref": "#/r"},
        "paths": {
            "/a": {
                "post": {
                    "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/s"}}}},
                    "parameters": [
                        {"$ref": "#/r"},
                        {"$ref": "http://x/y"},
                        {"$ref": "#/s/allOf/9"},
                        7,
                    ],
                },
                "get": [],
            },
            "/b": {"$ref": "#/r"},
            "/c": None,
        },
    }
    assert set(routes_of(hostile)) == {"POST /a"}
    many = document({f"/{number}": {"get": {}} for number in range(20_001)})
    with pytest.raises(NoDocumentError, match="more than 20000 routes"):
        routes_of(many)


def test_a_schema_is_read_once_whoever_refers_to_it():
    """A few hundred kilobytes could ask for gigabytes."""
    parts = [{"required": [f"{part}-{name}" for name in range(100)]} for part in range(100)]
    refers = {"content": {"application/json": {"schema": {"$ref": "#/huge"}}}}
    operation = {"requestBody": refers, "responses": {"200": refers}}
    paths = {f"/{number}": {"get": operation} for number in range(1000)}
    found = routes_of({"paths": paths, "huge": {"allOf": parts}})
    assert len(found["GET /1"].gives) == 10_000
    assert len({id(route.gives) for route in found.values()}) == 1
    assert len({id(route.needs) for route in found.values()}) == 1


def test_more_names_than_any_service_has_are_no_document():
    parts = [{"required": [f"{part}-{name}" for name in range(100)]} for part in range(100)]
    schema = {"allOf": [{"$ref": "#/huge"}]}
    answer = {"content": {"application/json": {"schema": schema}}}
    paths = {
        f"/{n}": {"get": {"responses": {"200": json.loads(json.dumps(answer))}}} for n in range(30)
    }
    with pytest.raises(NoDocumentError, match="more than 200000 names"):
        routes_of({"paths": paths, "huge": {"allOf": parts}})


def test_schemas_that_refer_in_circles_end():
    circle = {
        "a": {"required": ["x"], "allOf": [{"$ref": "#/b"}]},
        "b": {"allOf": [{"$ref": "#/a"}]},
    }
    answer = {"content": {"application/json": {"schema": {"$ref": "#/a"}}}}
    document = {"paths": {"/a": {"get": {"responses": {"200": answer}}}}, **circle}
    assert routes_of(document)["GET /a"].gives == {"x"}
