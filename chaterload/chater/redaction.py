"""Takes secrets out of what a server sent, in whatever coding it may repeat them. Pure."""

import base64
import html
import re
from binascii import Error
from collections.abc import Iterable, Iterator
from urllib.parse import unquote_plus

REMOVED = "[removed]"
UNPRINTABLE = "·"
FRAGMENT = 12
"""So many characters of a secret in a row must not show; of a shorter secret, all of them."""

_JWT = re.compile(r"eyJ[\w-]{4}", re.IGNORECASE)
"""How every JSON object begins in base64, and so every JWT, whoever it belongs to."""
_NAMED = re.compile(
    r"""((?:token|passw(?:or)?d|secret|api_?key|authorization|cookie)\w*["']?\s*[:=]\s*(?:bearer\s+)?)"""
    r"""("(?:[^"\\]|\\.)*"?|[^\s,;&"'<>}]+)""",
    re.IGNORECASE,
)
"""A value whose name says that it is a secret."""
_BEARER = re.compile(r"(bearer(?:\s|%20|\+)+)[^\s\"'<>,;]+", re.IGNORECASE)
_RUN = re.compile(r"[^\s\"'<>,;]+")
_BASE64 = re.compile(r"[\w+/-]{8,}", re.ASCII)
_HEX = re.compile(r"(?:[0-9a-f]{2}){6,}", re.IGNORECASE)
_ESCAPE = re.compile(r"\\(?:u([0-9a-f]{4})|x([0-9a-f]{2}))", re.IGNORECASE)
_TURNS = 2
"""Codings one within the other that are looked through."""


def printable(data: bytes) -> str:
    """As text on one line, with a dot for whatever cannot be printed."""
    return "".join(c if c.isprintable() and c != "\ufffd" else UNPRINTABLE for c in data.decode(errors="replace"))


class Redaction:
    """Knows some secrets, and removes them and every token from texts."""

    def __init__(self, secrets: Iterable[str]) -> None:
        folded = {secret.casefold() for secret in secrets if secret}
        self._short = {secret for secret in folded if len(secret) < FRAGMENT}
        self._fragments = {fragment for secret in folded for fragment in _fragments(secret)}

    def __call__(self, text: str) -> str:
        """`text` without secrets; nothing of it where a secret cannot be told from the rest."""
        for named in (_NAMED, _BEARER):
            text = named.sub(lambda match: f"{match[1]}{REMOVED}", text)
        text = _RUN.sub(lambda match: REMOVED if self._shows(match[0]) else match[0], text)
        return REMOVED if self._shows(text.replace(REMOVED, "\n")) else text

    def _shows(self, text: str) -> bool:
        return any(self._holds(view) for view in _views(text, _TURNS))

    def _holds(self, text: str) -> bool:
        folded = text.casefold()
        return bool(
            _JWT.search(text)
            or any(secret in folded for secret in self._short)
            or (self._fragments and not self._fragments.isdisjoint(_fragments(folded)))
        )


def _fragments(text: str) -> Iterator[str]:
    return (text[start : start + FRAGMENT] for start in range(len(text) - FRAGMENT + 1))


def _views(text: str, turns: int) -> set[str]:
    """`text` as it is, and as each coding reads it that it may be written in."""
    views = {text, _unescaped(text), _unescaped(text.replace(UNPRINTABLE, ""))}
    for view in [*views] if turns else ():
        for decoded in (_from_hex(view), *(_from_base64(view, start) for start in range(4))):
            if decoded:
                views |= _views(decoded, turns - 1)
    return views


def _unescaped(text: str) -> str:
    """Without the escapes of URLs, HTML and JSON, however often they were put in."""
    for _ in range(3):
        before = text
        text = _ESCAPE.sub(lambda match: chr(int(match[1] or match[2], 16)), html.unescape(unquote_plus(text)))
        if text == before:
            break
    return text


def _from_hex(text: str) -> str:
    return "\n".join(bytes.fromhex(digits).decode("latin-1") for digits in _HEX.findall(text))


def _from_base64(text: str, start: int) -> str:
    """What stands in it in base64, each from its `start` on: it may follow other characters of that alphabet."""
    decoded = []
    for found in _BASE64.findall(text):
        digits = found[start:].replace("-", "+").replace("_", "/")
        if len(digits) % 4 == 1:
            digits = digits[:-1]
        try:
            decoded.append(base64.b64decode(digits + "=" * (-len(digits) % 4)).decode("latin-1"))
        except (Error, ValueError):
            continue
    return "\n".join(decoded)
