"""Tokens follow the contract's key rule."""

import base64
import hashlib
import json
import time
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.chater.tokens import make_token, read_token, read_token_of, signing_key

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


TOKEN = make_token("secret", "a@example.com", timedelta(hours=1))
EXPIRED = make_token("secret", "a@example.com", timedelta(minutes=5), datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC))


def unsigned(claims, algorithm="HS256"):
    """A token with any claims, valid or not; nobody here checks signatures."""
    parts = (json.dumps(part).encode() for part in ({"alg": algorithm, "typ": "JWT"}, claims))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + ".c2lnbmF0dXJl"


def told(text):
    with pytest.raises(ValueError, match=r"^[a-z]") as error:
        read_token(text)
    return str(error.value)


SUB = {"sub": "a@example.com"}
WRONG = {
    "nothing": ("", "is empty"),
    "only quotes": ('"Bearer "', "is empty"),
    "no JWT": ("letmein", "is not a JWT: it has 1 part with dots between, not 3"),
    "without its signature": (TOKEN[: TOKEN.rindex(".")], "is not a JWT: it has 2 parts with dots between, not 3"),
    "encrypted": ("a.b.c.d.e", "is not a JWT: it has 5 parts with dots between, not 3"),
    "rubbish in three parts": ("a.b.c", "is not a JWT: it was cut, or changed"),
    "its claims cut": (f"{TOKEN.split('.')[0]}.{TOKEN.split('.')[1][:9]}.x", "is not a JWT: it was cut, or changed"),
    "claims that are a list": (unsigned([]), "is not a JWT: it was cut, or changed"),
    "a line break inside": (f"{TOKEN[:40]}\n{TOKEN[40:]}", "has white space or a line break inside"),
    "two of them": (f"{TOKEN} {TOKEN}", "has white space or a line break inside"),
    "another algorithm": (unsigned(SUB, "RS256"), "is signed with RS256, and Chater UI takes HS256 alone"),
    "no signature": (unsigned(SUB, "none"), "is signed with none, and Chater UI takes HS256 alone"),
    "a strange algorithm": (
        unsigned(SUB, "<x>" * 99),
        "is signed with something else, and Chater UI takes HS256 alone",
    ),
    "an algorithm that is none": (unsigned(SUB, []), "is signed with something else, and Chater UI takes HS256 alone"),
    "not valid yet": (
        unsigned({**SUB, "nbf": 4102444800}),
        "is not valid before 2100-01-01 00:00:00 UTC (its nbf claim)",
    ),
    "nbf that is no time": (unsigned({**SUB, "nbf": "soon"}), "has an nbf claim that is no time"),
    "expired": (EXPIRED, "expired at 2024-01-02 03:09:05 UTC"),
    "exp in milliseconds": (
        unsigned({**SUB, "exp": 4102444800_000}),
        "has its exp claim in milliseconds, and a server reads seconds",
    ),
    "exp that is no time": (unsigned({**SUB, "exp": "soon"}), "has an exp claim that is no time"),
    "exp beyond all times": (unsigned({**SUB, "exp": 1e300}), "has an exp claim that is no time"),
    "exp of many digits": (unsigned({**SUB, "exp": 10**400}), "has an exp claim that is no time"),
    "exp that is a list": (unsigned({**SUB, "exp": [1]}), "has an exp claim that is no time"),
    "no account": (unsigned({}), "names no account: its sub claim is no e-mail address"),
    "a number as account": (unsigned({"sub": 7}), "names no account: its sub claim is no e-mail address"),
    "a name as account": (unsigned({"sub": "nobody"}), "names no account: its sub claim is no e-mail address"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_a_token(case):
    """Each way in which a token is none is the end of a sentence of its own."""
    text, expected = WRONG[case]
    assert told(text) == expected


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({}, None),
        ({"exp": None}, None),
        ({"exp": 4102444800}, datetime(2100, 1, 1, tzinfo=UTC)),
        ({"exp": 4102444800.5}, datetime(2100, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)),
        ({"exp": 253402300799}, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ({"exp": 4102444800, "nbf": 1, "iat": [], "aud": 1}, datetime(2100, 1, 1, tzinfo=UTC)),
    ],
)
def test_when_a_token_expires(claims, expected):
    """The exp claim alone says when a token ends; without one it never does."""
    assert read_token(unsigned({**SUB, **claims})).expires == expected


def test_clocks_differ_a_little():
    """A token that a server with a clock some seconds ahead has just made is valid."""
    assert read_token(unsigned({**SUB, "nbf": time.time() + 3})).email == "a@example.com"


@pytest.mark.parametrize(
    ("given_text", "beside"),
    [
        (TOKEN, ()),
        (f" {TOKEN}\r\n", ("white space",)),
        (f"\ufeff{TOKEN}", ("white space",)),
        (f'"{TOKEN}"', ("quotes",)),
        (f"'{TOKEN}", ("quotes",)),
        (f"\u201c{TOKEN}\u201d", ("quotes",)),
        (f"Bearer {TOKEN}", ("the word Bearer",)),
        (f"bearer\t{TOKEN}", ("the word Bearer",)),
        (f"Authorization: Bearer {TOKEN}", ("the word Bearer",)),
        (f'"Bearer {TOKEN}"\n', ("white space", "quotes", "the word Bearer")),
        (f"Bearer '{TOKEN}'", ("quotes", "the word Bearer")),
    ],
)
def test_what_stands_beside_a_token(given_text, beside):
    """What has only one meaning is taken for it, and is told."""
    token = read_token(given_text)
    assert (token.text, token.email) == (TOKEN, "a@example.com")
    assert set(token.beside) == set(beside)


def test_the_warning(caplog):
    """What stood beside a token is told by the setting's name, without the token."""
    read_token_of("TEST_USER_TOKEN", f'Bearer "{TOKEN}"')
    assert caplog.messages == [
        "TEST_USER_TOKEN has quotes and the word Bearer beside its token, which is used without."
    ]
    read_token_of("TEST_USER_TOKEN", TOKEN)
    assert len(caplog.messages) == 1


@given(st.text() | st.lists(st.sampled_from([*TOKEN.split("."), "Bearer ", '"', "\n", ".", "\0", "é"])).map("".join))
def test_any_text_is_a_token_or_none(text):
    """No text does more than be a token or be called none, and it is not repeated."""
    try:
        token = read_token(text)
    except ValueError as error:
        sentence = str(error)
    else:
        sentence = repr(token)
        assert token.text == TOKEN
    assert TOKEN[:20] not in sentence
    assert "\n" not in sentence


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=3))
def test_any_claim_is_a_time_or_none(value):
    """No value of a claim does more than be a time or be called none."""
    for claim in ("exp", "nbf", "sub"):
        try:
            read_token(unsigned({**SUB, claim: value}))
        except ValueError as error:
            assert "claim" in str(error) or str(error).startswith("expired at ")  # noqa: PT017
