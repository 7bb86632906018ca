"""Tokens follow the contract's key rule."""

import hashlib
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from chaterload.chater.tokens import make_token, signing_key

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("secret", ["", "short", "x" * 31, "é" * 15])
def test_short_secrets_are_digested(secret):
    """A secret shorter than 32 bytes, not characters, is replaced by its SHA-256 digest."""
    assert signing_key(secret) == hashlib.sha256(secret.encode()).digest()


@pytest.mark.parametrize("secret", ["x" * 32, "x" * 33, "é" * 16])
def test_long_secrets_are_used_as_they_are(secret):
    """A secret of 32 bytes or more is the key itself."""
    assert signing_key(secret) == secret.encode()


def test_a_token_says_who_since_when_and_until_when():
    """The claims are sub, iat and exp, signed with HS256."""
    token = make_token("short", "a@example.com", timedelta(minutes=5), NOW)
    claims = jwt.decode(
        token, signing_key("short"), algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False}
    )
    assert claims == {"sub": "a@example.com", "iat": NOW.timestamp(), "exp": NOW.timestamp() + 300}


def test_a_token_is_good_from_now_by_default():
    """Without a moment given, the token is valid at once and signed with that secret only."""
    token = make_token("one", "a@example.com", timedelta(minutes=5))
    assert jwt.decode(token, signing_key("one"), algorithms=["HS256"])["sub"] == "a@example.com"
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, signing_key("other"), algorithms=["HS256"])
