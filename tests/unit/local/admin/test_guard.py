import pytest

from gate.local.admin.guard import refusal


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:8791",
        "localhost:8791",
        "[::1]:8791",
        "us-central1-127.0.0.1:8791",
        "us-central1-localhost:8791",
        "us-central1-run.localhost:8791",
        "blue.localhost",
        "LOCALHOST:1",
    ],
)
def test_loopback_names_and_what_clients_derive_from_them_are_let_in(host):
    assert refusal(host, None, None) == ""


@pytest.mark.parametrize(
    "host",
    [
        "",
        "example.com",
        "127.0.0.1.example.com",
        "localhost.example.com",
        "evil.com:8791",
        "example.com-127.0.0.1:8791",
        "127.0.0.2",
        "0.0.0.0:8791",
        "notlocalhost.com",
        "127.0.0.1:8791@example.com",
        "127.0.0.1\n",
    ],
)
def test_names_that_a_site_may_rebind_to_loopback_are_refused(host):
    assert refusal(host, None, None).startswith("Host:")


@pytest.mark.parametrize("origin", ["http://example.com", "null", "", "http://localhost:8791"])
def test_whatever_sends_an_origin_is_a_browser(origin):
    assert refusal("127.0.0.1:1", origin, None).startswith("Origin:")


@pytest.mark.parametrize("site", ["cross-site", "same-site", "Cross-Site"])
def test_fetches_of_other_sites_are_refused(site):
    assert refusal("127.0.0.1:1", None, site).startswith("Sec-Fetch-Site:")


@pytest.mark.parametrize("site", ["none", "same-origin"])
def test_a_person_who_types_the_address_is_let_in(site):
    assert refusal("127.0.0.1:1", None, site) == ""
