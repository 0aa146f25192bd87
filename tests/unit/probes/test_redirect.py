import pytest

from gate.probes.redirect import read

TAG = "https://candidate---backend-abc123-uc.a.run.app"


@pytest.mark.parametrize(
    ("location", "says"),
    [
        ("/api/health/", "a slash is added"),
        (f"{TAG}/api/health/?x=1", "a slash is added"),
        (f"http{TAG[5:]}/api/health/", "the scheme is lost behind TLS and a slash is added"),
        (f"http{TAG[5:]}/api/health", "the scheme is lost behind TLS"),
        ("https://backend-abc123-uc.a.run.app/api/health/", "to the service's main URL"),
        ("https://elsewhere.example/api/health", "to another host"),
        ("//elsewhere.example/", "to another host"),
        (f"{TAG}:8443/api/health", "to another port"),
        (f"{TAG}:443/api/health", "to the same address again"),
        ("https://accounts.google.com/o/oauth2/v2/auth?x=y", "to a sign-in page"),
        ("/login?next=/api/health", "to a sign-in page"),
        ("/v2/health", "to another path"),
        ("/api/health?again=1", "to another query"),
        ("/api/health", "to the same address again"),
        ("", "without a Location"),
        ("http://[broken", "to an address that cannot be read"),
        (f"{TAG}:99999999/", "to an address that cannot be read"),
    ],
)
def test_what_a_location_means(location, says):
    assert read(f"{TAG}/api/health", location).meaning == says


def test_a_slash_that_is_removed():
    assert read(f"{TAG}/health/", f"{TAG}/health").meaning == "a slash is removed"


def test_a_lost_scheme_says_what_to_trust():
    assert "X-Forwarded-Proto" in read(f"{TAG}/x", f"http{TAG[5:]}/x").hint


def test_the_main_url_says_which_revision_it_would_ask():
    hint = read(f"{TAG}/x", "https://backend-abc123-uc.a.run.app/x").hint
    assert "serves users" in hint


def test_without_tls_https_is_no_loss():
    assert (
        read("http://127.0.0.1:8080/x", "https://127.0.0.1:8080/x").meaning == "https is asked for"
    )


def test_a_location_of_a_megabyte_is_not_taken_apart_whole():
    assert read(f"{TAG}/x", "/" + "y" * (1 << 20)).meaning == "to another path"
