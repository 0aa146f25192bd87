"""Who a request is from: JSON Web Tokens, signed with a key from the environment.

`python -m examples.backend.tokens alice` prints a token made with JWT_SECRET_KEY.
"""

import argparse
import base64
import binascii
import os
import sys
import time
import uuid
from collections.abc import Iterable

import jwt

USERS = ("alice", "bob")
ISSUER = "chat-auth"
LIFETIME_S = 3600
MIN_KEY_CHARS = 32
MAX_TOKEN_CHARS = 8192
_CLAIMS = ["sub", "iss", "iat", "exp", "type"]


class AuthError(Exception):
    """Nobody can be told from a request; `code` is the one of the contract's error frames."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def mint(user: str, key: str, lifetime_s: int = LIFETIME_S) -> str:
    """Makes an access token for a user."""
    now = int(time.time())
    claims = {
        "sub": user,
        "email": f"{user}@example.com",
        "permissions": ["read", "write"],
        "iat": now,
        "exp": now + lifetime_s,
        "iss": ISSUER,
        "type": "access",
        "jti": uuid.uuid4().hex,
    }
    return jwt.encode(claims, key, algorithm="HS256")


def user_of(token: str | None, key: str) -> str:
    """Tells whose token it is.

    Raises:
        AuthError: NO_TOKEN without one, AUTH_FAILED for one that is not good.
    """
    if token is None:
        raise AuthError("NO_TOKEN", "No authentication token was given")
    try:
        claims = jwt.decode(
            token, key, algorithms=["HS256"], issuer=ISSUER, options={"require": _CLAIMS}
        )
    except jwt.ExpiredSignatureError:
        raise AuthError("AUTH_FAILED", "The token has expired") from None
    except (jwt.InvalidTokenError, ValueError):
        raise AuthError("AUTH_FAILED", "The token is not valid") from None
    if claims["type"] != "access" or claims["sub"] not in USERS:
        raise AuthError("AUTH_FAILED", "The token is not for a user of this service")
    return str(claims["sub"])


def from_header(authorization: str | None) -> str | None:
    """Takes the token out of an Authorization header."""
    scheme, _, token = (authorization or "").partition(" ")
    return _shaped(token.strip()) if scheme.lower() == "bearer" else None


def from_subprotocols(offered: Iterable[str]) -> str | None:
    """Takes the token out of the item `jwt.<base64url of the token, without padding>`."""
    for item in offered:
        if not item.startswith("jwt.") or len(item) > MAX_TOKEN_CHARS:
            continue
        encoded = item.removeprefix("jwt.")
        try:
            raw = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            return _shaped(raw.decode())
        except (binascii.Error, ValueError):
            return None
    return None


def subprotocol(token: str) -> str:
    """Gives the item that carries a token in Sec-WebSocket-Protocol."""
    return "jwt." + base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")


def _shaped(token: str) -> str | None:
    """Gives the text if it has the shape of a token: three parts with something in them."""
    parts = token.split(".")
    good = len(parts) == 3 and all(parts) and len(token) <= MAX_TOKEN_CHARS
    return token if good else None


def main() -> int:
    """Prints a token."""
    parser = argparse.ArgumentParser(prog="python -m examples.backend.tokens")
    parser.add_argument("user", choices=USERS)
    parser.add_argument("--lifetime", type=int, default=LIFETIME_S, help="in seconds")
    arguments = parser.parse_args()
    key = os.environ.get("JWT_SECRET_KEY", "")
    if len(key) < MIN_KEY_CHARS:
        print(f"JWT_SECRET_KEY: at least {MIN_KEY_CHARS} characters", file=sys.stderr)
        return 2
    print(mint(arguments.user, key, arguments.lifetime))
    return 0


if __name__ == "__main__":
    sys.exit(main())
