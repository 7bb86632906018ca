"""Bearer tokens as Chater UI reads them: HS256, `sub` holds the account's e-mail."""

from __future__ import annotations

import hashlib
import logging
import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

logger = logging.getLogger(__name__)

ALGORITHM = "HS256"
SHORTEST_KEY = 32  # bytes

TOKEN_SHAPE = "a JWT that Chater UI accepts and that has not expired"

CLOCKS_DIFFER = timedelta(seconds=10)
"""How far ahead the clock may be that a token's nbf comes from."""

_LAST_SECOND = 253_402_300_799
"""Of the year 9999: what is more is no time in seconds."""

_MILLISECONDS_BELOW = 10**14

_BLANKS = " \t\r\n\v\f\u00a0\u200b\ufeff"
_BLANK = re.compile(f"[{_BLANKS}]")
_QUOTES = "\"'`\u201c\u201d\u2018\u2019"
_ALGORITHM = re.compile(r"none|[A-Z]{2}\d{3}K?|EdDSA")
_BEARER = re.compile(r"(authorization\s*:\s*)?bearer(\s+|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Token:
    """A JWT whose signature only the server can check, decoded once."""

    text: str = field(repr=False)
    email: str
    """Its sub: which account it is, whatever is configured beside it."""
    expires: datetime | None
    """None when it never does."""
    beside: tuple[str, ...] = ()
    """What stood around it where it was read, and is left out."""


def read_token_of(setting: str, given: str) -> Token:
    """As read_token; tells in the log, by the setting's name, what stood beside the token."""
    token = read_token(given)
    if token.beside:
        logger.warning("%s has %s beside its token, which is used without.", setting, " and ".join(token.beside))
    return token


def read_token(given: str) -> Token:
    """The token that `given` holds. ValueError, as the end of a sentence, when it is none, or none to sign in with."""
    text, beside = _bare(given)
    if not text:
        raise ValueError("is empty")
    if _BLANK.search(text):
        raise ValueError("has white space or a line break inside")
    if (parts := text.count(".") + 1) != 3:
        raise ValueError(f"is not a JWT: it has {parts} part{'s'[: parts > 1]} with dots between, not 3")
    try:
        decoded = jwt.decode_complete(text, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise ValueError("is not a JWT: it was cut, or changed") from None
    claims = decoded["payload"]
    _check_algorithm(decoded["header"].get("alg"))
    _check_start(claims)
    return Token(text, _account(claims), _end(claims), beside)


def _bare(given: str) -> tuple[str, tuple[str, ...]]:
    """`given` without what has no place in a token and leaves no doubt about it, and what that was."""
    text, beside = given, dict[str, None]()
    while True:
        before = text
        for what, cut in (
            ("white space", text.strip(_BLANKS)),
            ("quotes", text.strip(_QUOTES)),
            ("the word Bearer", _BEARER.sub("", text, count=1) if _BEARER.match(text) else text),
        ):
            if cut != before:
                text = cut
                beside[what] = None
                break
        if text == before:
            return text, tuple(beside)


def _check_algorithm(algorithm: object) -> None:
    if algorithm != ALGORITHM:
        told = algorithm if isinstance(algorithm, str) and _ALGORITHM.fullmatch(algorithm) else "something else"
        raise ValueError(f"is signed with {told}, and Chater UI takes {ALGORITHM} alone")


def _check_start(claims: dict[str, Any]) -> None:
    start = _moment(claims, "nbf")
    if start is not None and start > datetime.now(UTC) + CLOCKS_DIFFER:
        raise ValueError(f"is not valid before {_shown(start)} (its nbf claim)")


def _end(claims: dict[str, Any]) -> datetime | None:
    end = _moment(claims, "exp")
    if end is not None and end <= datetime.now(UTC):
        raise ValueError(f"expired at {_shown(end)}")
    return end


def _account(claims: dict[str, Any]) -> str:
    email = claims.get("sub")
    if not isinstance(email, str) or "@" not in email:
        raise ValueError("names no account: its sub claim is no e-mail address")
    return email


def _moment(claims: dict[str, Any], name: str) -> datetime | None:
    """A claim that is a time, None where there is none."""
    value = claims.get(name)
    if value is None:
        return None
    try:
        seconds = float(value)
        moment = datetime.fromtimestamp(min(seconds, _LAST_SECOND), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        seconds = math.inf
    if seconds >= _MILLISECONDS_BELOW:
        raise ValueError(f"has an {name} claim that is no time")
    if seconds > _LAST_SECOND:
        raise ValueError(f"has its {name} claim in milliseconds, and a server reads seconds")
    return moment


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def signing_key(secret: str) -> bytes:
    """The key that Chater UI signs with: a secret shorter than 32 bytes is replaced by its SHA-256 digest."""
    key = secret.encode(errors="surrogateescape")  # as the environment held it
    return key if len(key) >= SHORTEST_KEY else hashlib.sha256(key).digest()


def make_token(secret: str, email: str, lifetime: timedelta, now: datetime | None = None) -> str:
    """A token for `email` that is good from `now` (this moment, if not given) for `lifetime`."""
    issued = now or datetime.now(UTC)
    claims = {"sub": email, "iat": issued, "exp": issued + lifetime}
    return jwt.encode(claims, signing_key(secret), algorithm=ALGORITHM)
