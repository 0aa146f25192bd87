import jwt
import pytest

from examples.backend.tokens import (
    ISSUER,
    AuthError,
    from_header,
    from_subprotocols,
    mint,
    subprotocol,
    user_of,
)

KEY = "k" * 32


@pytest.mark.parametrize("user", ["alice", "bob"])
def test_a_minted_token_names_its_user(user):
    assert user_of(mint(user, KEY), KEY) == user


def test_claims_are_those_of_the_contract():
    claims = jwt.decode(mint("alice", KEY), KEY, algorithms=["HS256"], issuer=ISSUER)
    assert set(claims) == {"sub", "email", "permissions", "iat", "exp", "iss", "type", "jti"}
    assert claims["type"] == "access"


def test_two_tokens_are_never_the_same():
    assert mint("alice", KEY) != mint("alice", KEY)


def unsigned():
    return jwt.encode({"sub": "alice"}, "", algorithm="none")


def refresh():
    claims = jwt.decode(mint("alice", KEY), options={"verify_signature": False})
    return jwt.encode({**claims, "type": "refresh"}, KEY, algorithm="HS256")


@pytest.mark.parametrize(
    "token",
    [
        mint("mallory", KEY),
        mint("alice", "x" * 32),
        mint("alice", KEY, lifetime_s=-1),
        unsigned(),
        refresh(),
        "a.b.c",
        "\ud800.b.c",
    ],
    ids=["stranger", "other key", "expired", "unsigned", "refresh token", "garbage", "surrogate"],
)
def test_a_token_that_is_not_good_is_refused(token):
    with pytest.raises(AuthError) as caught:
        user_of(token, KEY)
    assert caught.value.code == "AUTH_FAILED"
    assert token not in str(caught.value)


def test_without_a_token_the_code_says_so():
    with pytest.raises(AuthError) as caught:
        user_of(None, KEY)
    assert caught.value.code == "NO_TOKEN"


def test_both_places_carry_a_token():
    token = mint("alice", KEY)
    assert from_header(f"Bearer {token}") == from_header(f"bearer  {token}") == token
    item = subprotocol(token)
    assert "=" not in item
    assert from_subprotocols(["jwt-auth", item]) == token


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer x", "Basic a.b.c", "Bearer a..c"])
def test_a_header_without_a_token_gives_none(header):
    assert from_header(header) is None


@pytest.mark.parametrize(
    "offered",
    [
        [],
        ["jwt-auth"],
        ["jwt", mint("alice", KEY)],  # two items: a mistake a client of this system once made
        ["jwt."],
        ["jwt.not-a-token"],
        ["jwt.!!!"],
        ["jwt." + "A" * 20_000],
        ["jwt.________"],
    ],
)
def test_subprotocols_without_a_token_give_none(offered):
    assert from_subprotocols(offered) is None
