"""Whatever way a server repeats a secret, it is taken out of what is shown."""

import base64
import html
import json
import time
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.chater.redaction import FRAGMENT, REMOVED, Redaction, printable
from chaterload.chater.tokens import make_token

TOKEN = make_token("x" * 40, "a@example.com", timedelta(hours=1))
SECRETS = {
    "token": TOKEN,
    "phrase": "a secret phrase, with marks: & 'é'",
    "short": "hunter2",
    "long": "b5G-0pQ_7hxK/2vN+8mZ==",
}
REMOVE = Redaction(SECRETS.values())


def base64_of(text):
    return base64.b64encode(text.encode()).decode()


CODINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "quoted": quote,
    "in a form": quote_plus,
    "every byte quoted": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "quoted twice": lambda text: quote(quote(text)),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON, every character": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "HTML": html.escape,
    "HTML, every character": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "base64": base64_of,
    "base64 behind a letter": lambda text: base64_of(f"x{text}"),
    "base64 behind two": lambda text: base64_of(f"xy{text}"),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 twice": lambda text: base64_of(base64_of(text)),
    "base64, then quoted": lambda text: quote(base64_of(text), safe=""),
    "hex": lambda text: text.encode().hex(),
    "upper case": str.upper,
    "UTF-16": lambda text: printable(text.encode("utf-16")),
}


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("around", ['{{"error": "{}"}}', "<p>bad: {}</p>", "{}", "key={}&more=1", "no {} here"])
def test_a_secret_in_any_coding(secret, coding, around):
    """A secret is taken out as a client, a page or a log would have written it, wherever it stands."""
    written = CODINGS[coding](SECRETS[secret])
    shown = REMOVE(around.format(written))
    assert REMOVED in shown
    assert written not in shown


@given(st.text(max_size=40), st.integers(0, len(TOKEN) - FRAGMENT), st.text(max_size=40))
def test_a_part_of_a_secret(before, start, after):
    """A secret that was cut at both ends is removed as well."""
    part = TOKEN[start : start + FRAGMENT]
    assert part not in REMOVE(f"{before}{part}{after}")


@pytest.mark.parametrize(
    "text",
    [
        "the token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJiIn0.c2ln is wrong",
        '{"access_token": "opaque-value", "a": 1}',
        "Authorization: Bearer opaque-value",
        "got Bearer%20opaque-value",
        "password=opaque-value&a=1",
    ],
)
def test_secrets_of_others(text):
    """Every JWT, every bearer and every value that is called a secret goes, whoever it belongs to."""
    shown = Redaction([])(text)
    assert REMOVED in shown
    assert "opaque" not in shown
    assert "eyJ" not in shown


@pytest.mark.parametrize(
    "text",
    [
        '{"message":"Token is missing"}',
        '{"error":"invalid_token","message":"The token has expired"}',
        "<title>404 Not Found</title><p>The requested URL was not found on the server.</p>",
        '{"error":"a@example.com has reached the daily limit of 30 requests"}',
    ],
)
def test_what_is_no_secret_stays(text):
    """What Chater UI says of itself can be read as it is."""
    assert REMOVE(text) == text


def test_the_worst_text_is_quick():
    """A thousand characters take milliseconds, whatever they are: users of the process wait meanwhile."""
    for text in ("A" * 1000, "%25" * 333, "&amp;" * 200, "ab" * 500, "\\u0041" * 166, "A " * 500, base64_of("x" * 750)):
        began = time.process_time()
        REMOVE(text)
        assert time.process_time() - began < 1.0


@given(st.binary(max_size=300))
def test_what_is_printed_can_be_printed(data):
    """A body is one line of printable characters, none of which turns the text around it."""
    assert printable(data).isprintable()
