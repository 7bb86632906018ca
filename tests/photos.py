"""Photos of few bytes that are images from the first to the last of them."""

import struct
import zlib


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def small_png(text: bytes = b"", size: int = 0) -> bytes:
    """A PNG of one pixel that holds a text, and is at least `size` bytes long."""
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    pixel = _chunk(b"IDAT", zlib.compress(b"\0\0"))
    about = _chunk(b"tEXt", b"Comment\0" + text + bytes(size))
    return b"\x89PNG\r\n\x1a\n" + header + about + pixel + _chunk(b"IEND", b"")
