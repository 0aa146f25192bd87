"""Which pages are asked that nobody named."""

import pytest

from gate.core.recording import Form, How, Page, Sample
from gate.probes.documents import routes_of, writes_of
from gate.probes.following import found_in, harmless, plain_path


@pytest.mark.parametrize(
    ("path", "fit"),
    [
        ("/", True),
        ("/api/notes?page=2&sort=-at", True),
        ("/chat?room=${nonce}", True),
        ("/chat?token=${alice|base64url}", True),
        ("/chat?room=${nonce", False),
        ("/a?b=#c", False),
        ("/a b", False),
        ("//other.example/", False),
        ("/healthz?a=1", False),
        ("/_ah/${nonce}", False),
        ("notes", False),
        ('/a?b="\\n', False),
    ],
)
def test_a_path_may_have_a_query_and_names_in_it(path, fit):
    assert plain_path(path) is fit


@pytest.mark.parametrize(
    ("path", "fit"),
    [
        ("/about", True),
        ("/settings", True),
        ("/address", True),
        ("/reports/payments?year=2026", True),
        ("/logout", False),
        ("/users/7/delete", False),
        ("/cart?add=7", False),
        ("/cart/add/7", False),
        ("/orders/7/cancel", False),
        ("/do?action=run", False),
        ("/mail/unsubscribe", False),
        ("/file?token=abc", False),
        ("/a?x-signature=abc", False),
        ("/${alice}", False),
        ("https://other.example/", False),
    ],
)
def test_what_looks_as_if_it_changed_something_is_never_asked(path, fit):
    assert harmless(path) is fit


def found(path, sample):
    return {(one, how) for one, how, _ in found_in([Page(path, (sample,))], "here.example")}


@pytest.mark.parametrize(
    ("location", "to"),
    [
        ("/login?next=/a", {"/login?next=/a"}),
        ("http://here.example/login", {"/login"}),
        ("login", {"/in/login"}),
        ("https://other.example/login", set()),
        ("http://[", set()),
        ("/in/a", set()),
    ],
)
def test_a_redirect_leads_on_where_it_stays_on_the_same_host(location, to):
    sample = Sample(302, (("location", location),), Form.EMPTY)
    assert found("/in/a", sample) == {(path, How.LED) for path in to}


@pytest.mark.parametrize(
    ("path", "value", "to"),
    [
        ("/n", {"items": [{"id": 7}], "next": "/m"}, {"/n/7": How.ITEM, "/m": How.NEXT}),
        ("/n", [{"id": one} for one in range(5)], {"/n/0": How.ITEM, "/n?page=2": How.NEXT}),
        (
            "/n?size=5&page=3",
            {"data": [{"name": str(one)} for one in range(5)]},
            {"/n?size=5&page=4": How.NEXT},
        ),
        ("/n", [{"id": 1}], {"/n/1": How.ITEM}),
        ("/n", {"a": [{"id": 1}], "b": [{"id": 2}]}, {}),
        ("/n", {"status": "ok", "next": "https://other.example/"}, {}),
    ],
)
def test_a_list_leads_to_its_next_page_and_its_first_item(path, value, to):
    assert found(path, Sample(200, (), Form.JSON, value)) == {*to.items()}


def parameter(name, where="query", **more):
    return {"name": name, "in": where, **more}


DOCUMENT = {
    "components": {"parameters": {"Size": parameter("size", required=True, example=5)}},
    "paths": {
        "/all": {"get": {"parameters": [parameter("q")]}},
        "/one/{id}": {
            "parameters": [parameter("id", "path", required=True, schema={"example": "a b"})],
            "get": {},
            "delete": {},
        },
        "/none/{id}": {"get": {"parameters": [parameter("id", "path", required=True)]}},
        "/by": {"get": {"parameters": [parameter("sort", required=True, schema={"enum": ["up"]})]}},
        "/sized": {"get": {"parameters": [{"$ref": "#/components/parameters/Size"}]}},
        "/lost": {"get": {"parameters": [{"$ref": "#/components/parameters/None"}]}},
        "/head": {"get": {"parameters": [parameter("h", "header", required=True, example="1")]}},
        "/logout": {"get": {}},
        "/sent": {"post": {}},
        "/odd": {"get": {"parameters": "odd"}},
        "/odder": [],
    },
}


def test_an_openapi_document_gives_what_it_has_examples_for():
    assert routes_of(DOCUMENT) == ("/all", "/one/a%20b", "/by?sort=up", "/sized?size=5")
    assert writes_of(DOCUMENT) == ("DELETE /one/{id}", "POST /sent")
    assert (routes_of([]), writes_of({"paths": []})) == ((), ())
