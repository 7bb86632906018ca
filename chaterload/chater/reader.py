"""Reads one HTTP/1.1 answer from a socket, within bounds.

An answer that is plainly whole is taken apart here, at a third of what a parser with callbacks costs. Everything else
goes byte for byte to geventhttpclient's parser.
"""

import re
from dataclasses import dataclass
from typing import Any

from geventhttpclient.response import HTTPParseError, HTTPResponse

from chaterload.chater.answers import LARGEST_MESSAGE, AnswerTooLarge
from chaterload.chater.coding import Decoder, Undecodable, decoder
from chaterload.turns import Turns

HEAD_LIMIT = 64 << 10
"""Bytes of an answer's head, with its interim answers; and as many again of the trailers behind a body."""
INTERIM_LIMIT = 10
"""Answers of 1xx before the one that counts."""
BODY_LIMIT = 64 << 20
"""Bytes of a body as it comes, and as many again when it is expanded."""

_FIRST_BLOCK, _BLOCK = 16 << 10, 64 << 10
_STEP = 4 << 10
"""Bytes that are parsed at once: at their worst, they take 2 ms."""

_PLAIN_HEAD = re.compile(
    rb"HTTP/1\.1 ([2-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?"
    rb"(?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*)*"
)
_LENGTH = re.compile(rb"[0-9]{1,9}")
_BODILESS = (b"204", b"304")
_UNUSUAL = (b"transfer-encoding", b"content-encoding", b"upgrade")


class NothingCame(ConnectionError):
    """The connection was closed, or reset, before the first byte of an answer."""


@dataclass(slots=True)
class Answer:
    """What came back, whatever its status."""

    status_code: int
    content_type: str | None
    content: bytes | None
    """The body, decoded; None where it does not fit its Content-Encoding, or is more than was to be kept."""
    length: int
    """Bytes of the body, decoded."""


_turns = Turns()


def read_answer(connection: Any, kept: int = LARGEST_MESSAGE) -> tuple[Answer, bool]:
    """The answer, and whether the connection can carry another.

    NothingCame before its first byte; OSError or HTTPParseError when it is not whole or no HTTP; AnswerTooLarge.
    """
    try:
        data = connection.recv(_FIRST_BLOCK)
    except ConnectionError:
        raise NothingCame from None
    if not data:
        raise NothingCame
    end = data.find(b"\r\n\r\n")
    fields = _plain_fields(data, end)
    length = -1 if fields is None else int(fields[b"content-length"])
    if fields is None or length > kept:
        return _read_unusual(connection, data, kept)
    body = data[end + 4 :]
    if len(body) < length:
        body = _read_rest(connection, body, length)
    if len(body) > length:
        return _read_unusual(connection, data[: end + 4] + body, kept)
    kind = fields.get(b"content-type")
    keep = b"close" not in fields.get(b"connection", b"").lower()
    return Answer(int(data[9:12]), None if kind is None else kind.decode("latin-1"), body, length), keep


def _plain_fields(data: bytes, end: int) -> dict[bytes, bytes] | None:
    """The fields of a head that ends at `end`, by name; None where its answer is anything but plain."""
    head = _PLAIN_HEAD.fullmatch(data, 0, end) if end > 0 else None
    if head is None or head[1] in _BODILESS:
        return None
    lines = data[:end].split(b"\r\n")
    fields = {}
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        fields[name.lower()] = value.strip(b" \t")
    if len(fields) != len(lines) - 1 or any(name in fields for name in _UNUSUAL):
        return None
    return fields if _LENGTH.fullmatch(fields.get(b"content-length", b"")) else None


def _read_rest(connection: Any, start: bytes, length: int) -> bytes:
    """The body that begins with `start`, or more than it where more comes with its last bytes."""
    body = bytearray(start)
    while len(body) < length:
        data = connection.recv(_BLOCK)
        if not data:
            raise HTTPParseError("closed before the end of the body")
        body += data
        _turns.take()
    return bytes(body)


class _Parser(HTTPResponse):
    """geventhttpclient's, which bounds nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = 0
        """Bytes that it was fed."""
        self.body = bytearray()
        self._interim = 0
        self._fields = 0

    @property
    def head_complete(self) -> bool:
        return bool(self.headers_complete and self.get_code() >= 200)

    @property
    def complete(self) -> bool:
        return bool(self.message_complete and self.get_code() >= 200)

    @property
    def wanted(self) -> int:
        """How many bytes it may be fed next."""
        limit = HEAD_LIMIT + BODY_LIMIT if self.head_complete else HEAD_LIMIT
        if self.taken >= limit:
            raise AnswerTooLarge
        return min(_BLOCK, limit - self.taken)

    def feed_all(self, data: bytes) -> None:
        """Feed `data` step by step. Nothing tells that the connection is closed."""
        self.feed(data[:_STEP])
        for start in range(_STEP, len(data), _STEP):
            _turns.take()
            self.feed(data[start : start + _STEP])

    def feed(self, data: str | bytes) -> None:
        self.taken += len(data)
        super().feed(data)

    def _on_message_begin(self) -> None:
        if self.complete:
            raise HTTPParseError("more than one answer")
        super()._on_message_begin()

    def _on_headers_complete(self) -> Any:
        if self.get_code() < 100:  # no interim answer, and nothing that could be waited for behind it
            raise HTTPParseError("no status")
        self._interim += self.get_code() < 200
        if self._interim > INTERIM_LIMIT:
            raise AnswerTooLarge
        return super()._on_headers_complete()

    def _on_header_field(self, string: str) -> None:
        self._count(string)
        super()._on_header_field(string)

    def _on_header_value(self, string: str) -> None:
        self._count(string)
        super()._on_header_value(string)

    def _count(self, part: str) -> None:
        self._fields += len(part)
        if self._fields > 2 * HEAD_LIMIT:  # the trailers': the head's was bounded before it was fed
            raise AnswerTooLarge

    def _on_body(self, part: bytearray) -> None:
        self.body += part

    def field(self, name: str) -> list[str]:
        """The values of each line of this name."""
        return list(self.info().getlist(name))


class _Body:
    """Decodes a body as it comes and keeps its beginning."""

    def __init__(self, codings: list[str], kept: int) -> None:
        self._kept = kept
        self._content = bytearray()
        self.length = 0
        self._decoder: Decoder | None
        try:
            self._decoder = decoder(", ".join(codings) or "identity")
        except Undecodable:
            self._decoder = None

    def add(self, data: bytearray) -> None:
        """Take `data`, which is emptied."""
        try:
            for piece in self._decoder.expand(bytes(data)) if self._decoder else ():
                self.length += len(piece)
                if self.length > BODY_LIMIT:
                    raise AnswerTooLarge
                if self.length <= self._kept:
                    self._content += piece
                _turns.take()
        except Undecodable:
            self._decoder = None
        data.clear()

    @property
    def content(self) -> bytes | None:
        whole = self._decoder and self._decoder.complete and self.length <= self._kept
        return bytes(self._content) if whole else None


def _read_unusual(connection: Any, data: bytes, kept: int) -> tuple[Answer, bool]:
    """As `read_answer`, of which `data` has come."""
    parser = _Parser()
    body: _Body | None = None
    while True:
        parser.feed_all(data)
        if body is None and parser.head_complete:
            body = _Body(parser.field("content-encoding"), kept)
        if body is not None:
            body.add(parser.body)
            if parser.complete:
                kinds = [*parser.field("content-type"), None]
                return Answer(parser.get_code(), kinds[0], body.content, body.length), not parser.should_close()
        if not data:
            raise HTTPParseError("closed before the end of the answer")
        _turns.take()
        data = connection.recv(parser.wanted)
