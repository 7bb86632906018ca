"""What the stand-in makes of a photo: whether it is a whole image, when it was taken, and what it shows. Pure."""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from chaterload.chater import photo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_SECONDS_BELOW = 10**11  # as seconds that is the year 5138, as milliseconds 1973

PNG_START = b"\x89PNG\r\n\x1a\n"
NO_FOOD = b"a photo without food"
"""Bytes of a photo in which the stand-in's AI, which reads and does not see, finds nothing to eat."""
DRINK = b"a photo of a beer"
"""Bytes of a photo in which it finds alcohol."""
SCALES_KG = 71.5
"""What it reads from a photo of scales."""


def is_image(data: bytes) -> bool:
    """Whether `data` is an image of a type that settings take too, from its first byte to its last."""
    if not photo.is_image(data):
        return False
    if data.startswith(PNG_START):
        return _is_whole_png(data)
    if data.startswith(b"\xff\xd8\xff"):
        return b"\xff\xd9" in data[-64:]
    if data.startswith((b"GIF87a", b"GIF89a")):
        return b"\x3b" in data[-64:]
    if data.startswith(b"BM"):
        return len(data) >= 26 and len(data) >= int(struct.unpack_from("<I", data, 2)[0])
    if data.startswith(b"RIFF"):
        return len(data) > 12 and len(data) >= 8 + int(struct.unpack_from("<I", data, 4)[0])
    return _is_whole_heif(data)


def _is_whole_png(data: bytes) -> bool:
    """Walks from chunk to chunk up to the one that ends the image."""
    at, kinds = len(PNG_START), set[bytes]()
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        at += 12 + length
        if at <= len(data):
            kinds.add(kind)
        if kind == b"IEND":
            return {b"IHDR", b"IDAT", b"IEND"} <= kinds
    return False


def _is_whole_heif(data: bytes) -> bool:
    """Walks from box to box of an ISO base media file, such as HEIC and AVIF: it says what is in it, and has it."""
    at, kinds = 0, set[bytes]()
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        at += max(8, length)
        if at <= len(data):
            kinds.add(kind)
    return b"mdat" in kinds and not kinds.isdisjoint((b"meta", b"moov"))


def epoch_ms(text: str, now: int) -> float:
    """A photo's time in epoch ms, truncated, math.inf for one beyond all; `now` if it cannot be read.

    ISO 8601 (without an offset it is UTC), epoch seconds and epoch milliseconds.
    """
    try:
        number = Decimal(text)
    except InvalidOperation:
        return _iso_ms(text, now)
    if number.is_nan() or number < 0:
        return now
    if number.is_infinite() or number.adjusted() > 18:
        return math.inf
    return int(number * 1000 if number < _SECONDS_BELOW else number)


def _iso_ms(text: str, now: int) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return now
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MILLISECOND
