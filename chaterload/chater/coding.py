"""Bodies as they were before Content-Encoding, expanded piece by piece: a small one may stand for gigabytes."""

import zlib
from collections.abc import Iterator
from typing import Protocol

import brotli

ACCEPTED = b"gzip, deflate, br"
_PIECE = 64 << 10
_GZIP_BITS = zlib.MAX_WBITS | 16
_GZIP_START = b"\x1f"
_MOST_MEMBERS = 1000
"""Of a gzip body: empty ones without end would cost much and expand to nothing."""
_ZLIB_METHOD, _ZLIB_CHECK = 8, 31
"""RFC 1950: the low half of the first byte, and what divides the first two."""


class Undecodable(Exception):
    """A body that is not what its Content-Encoding says, or in a coding that nobody asked for."""


class Decoder(Protocol):
    """One body's."""

    @property
    def complete(self) -> bool:
        """Whether the coded data has come to its end."""

    def expand(self, data: bytes) -> Iterator[bytes]:
        """What the next bytes of the body stand for, in small pieces. Undecodable when they do not."""


class _Identity:
    complete = True

    def expand(self, data: bytes) -> Iterator[bytes]:
        yield data


class _Zlib:
    """One stream. What stands behind it is ignored."""

    def __init__(self, window_bits: int) -> None:
        self._stream = zlib.decompressobj(window_bits)

    @property
    def complete(self) -> bool:
        return self._stream.eof

    def expand(self, data: bytes) -> Iterator[bytes]:
        while data and not self._stream.eof:
            try:
                piece = self._stream.decompress(data, _PIECE)
            except zlib.error:
                raise Undecodable from None
            data = self._stream.unconsumed_tail
            yield piece


class _Gzip(_Zlib):
    """One member after another, as some servers compress what they have piece by piece."""

    def __init__(self) -> None:
        super().__init__(_GZIP_BITS)
        self._members = 1

    def expand(self, data: bytes) -> Iterator[bytes]:
        while data:
            yield from super().expand(data)
            data = self._stream.unused_data if self._stream.eof else b""
            if data[:1] != _GZIP_START:
                return
            self._members += 1
            if self._members > _MOST_MEMBERS:
                raise Undecodable
            self._stream = zlib.decompressobj(_GZIP_BITS)


class _Deflate:
    """With zlib's frame, as RFC 9110 has it, or without, as some servers do."""

    def __init__(self) -> None:
        self._start = b""
        self._stream: _Zlib | None = None

    @property
    def complete(self) -> bool:
        return self._stream is not None and self._stream.complete

    def expand(self, data: bytes) -> Iterator[bytes]:
        if self._stream is None:
            data = self._start = self._start + data
            if len(data) < 2:
                return
            framed = data[0] & 15 == _ZLIB_METHOD and int.from_bytes(data[:2], "big") % _ZLIB_CHECK == 0
            self._stream = _Zlib(zlib.MAX_WBITS if framed else -zlib.MAX_WBITS)
        yield from self._stream.expand(data)


class _Brotli:
    def __init__(self) -> None:
        self._stream = brotli.Decompressor()

    @property
    def complete(self) -> bool:
        return bool(self._stream.is_finished())

    def expand(self, data: bytes) -> Iterator[bytes]:
        piece = data
        while piece or not self._stream.can_accept_more_data():  # which does not tell whether there is more to come out
            try:
                piece = self._stream.process(data, output_buffer_limit=_PIECE)
            except brotli.error:
                raise Undecodable from None
            data = b""
            yield piece
            if self.complete:
                return


def decoder(coding: str) -> Decoder:
    """For a Content-Encoding, as it was told. Undecodable when it is none of ours."""
    match coding.strip().lower():
        case "identity":
            return _Identity()
        case "gzip" | "x-gzip":
            return _Gzip()
        case "deflate":
            return _Deflate()
        case "br":
            return _Brotli()
    raise Undecodable
