"""One question at a time over plain HTTP, with bounds on the answer's size and time."""

import http.client
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

LONGEST_S = 120.0
"""Longer than any wait of Chater UI's, which is 90 s."""
LARGEST_BYTES = 32 << 20


class NoAnswer(Exception):
    """The question has no whole answer; says why."""


@dataclass(frozen=True)
class RawAnswer:
    """What came back, whatever its status."""

    status: int
    headers: dict[str, str]
    """By their names in lower case."""
    body: bytes
    seconds: float

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip()


class RawConnection:
    """Asks one server."""

    def __init__(self, host: str, *, tls_verify: bool = True) -> None:
        self._address = urlsplit(host)
        self._context = ssl.create_default_context()
        if not tls_verify:
            self._context.check_hostname = False
            self._context.verify_mode = ssl.CERT_NONE

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> RawAnswer:
        """The answer to one request. NoAnswer when there is none, or it does not end."""
        began = time.monotonic()
        connection = self._connection()
        try:
            connection.request(method, self._address.path.rstrip("/") + path, body, headers)
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return RawAnswer(answer.status, told, _read(answer, began + LONGEST_S), time.monotonic() - began)
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(f"{type(error).__name__}: {error}".rstrip(": ")) from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        hostname, port = self._address.hostname or "", self._address.port
        if self._address.scheme == "https":
            return http.client.HTTPSConnection(hostname, port, timeout=LONGEST_S, context=self._context)
        return http.client.HTTPConnection(hostname, port, timeout=LONGEST_S)


def _read(answer: http.client.HTTPResponse, deadline: float) -> bytes:
    parts, size = [], 0
    while part := answer.read1(1 << 16):
        parts.append(part)
        size += len(part)
        if size > LARGEST_BYTES or time.monotonic() > deadline:
            raise NoAnswer(f"the answer does not end: {size} bytes so far")
    if answer.length:  # read1 does not say that the body was cut off
        raise NoAnswer(f"the answer was cut off {answer.length} bytes before its end")
    return b"".join(parts)
