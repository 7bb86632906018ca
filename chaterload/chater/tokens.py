"""Bearer tokens as Chater UI reads them: HS256, `sub` holds the account's e-mail."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import jwt

ALGORITHM = "HS256"
SHORTEST_KEY = 32  # bytes


def signing_key(secret: str) -> bytes:
    """The key that Chater UI signs with: a secret shorter than 32 bytes is replaced by its SHA-256 digest."""
    key = secret.encode(errors="surrogateescape")  # as the environment held it
    return key if len(key) >= SHORTEST_KEY else hashlib.sha256(key).digest()


def make_token(secret: str, email: str, lifetime: timedelta, now: datetime | None = None) -> str:
    """A token for `email` that is good from `now` (this moment, if not given) for `lifetime`."""
    issued = now or datetime.now(UTC)
    claims = {"sub": email, "iat": issued, "exp": issued + lifetime}
    return jwt.encode(claims, signing_key(secret), algorithm=ALGORITHM)
