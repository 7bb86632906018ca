"""Messages between a master and its workers, sealed with a key that both have. Pure.

A sealed message is 32 bytes of HMAC-SHA256, the sender's session, the receiver's, a number, and the message itself. The
HMAC is over the worker's name and all that follows it. A session is random and as old as a socket, and within one the
numbers rise. So nothing can be forged, changed, or put into another worker's mouth, and nothing that was recorded can
be sent again, to the same receiver or to its successor.
"""

import hmac
import secrets
from typing import NamedTuple

SESSION, NUMBER, MAC = 16, 8, 32
"""Bytes of each."""

NOBODY = bytes(SESSION)
"""The receiver's session, where the sender does not know it yet."""


class Opened(NamedTuple):
    """What was sealed with the key."""

    sender: bytes
    """Its session."""
    receiver: bytes
    """The session that it was meant for."""
    number: int
    payload: bytes


class Seal:
    """One end of a connection."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.session = secrets.token_bytes(SESSION)
        self._sent = 0
        self._last: dict[bytes, int] = {}
        """The last number of each session that this one has heard."""

    def close(self, worker: bytes, receiver: bytes, payload: bytes) -> bytes:
        """`payload`, sealed for the session `receiver`, on the connection of `worker`."""
        self._sent += 1
        sealed = self.session + receiver + self._sent.to_bytes(NUMBER) + payload
        return self._mac(worker, sealed) + sealed

    def open(self, worker: bytes, frame: bytes) -> Opened | None:
        """What came on the connection of `worker`, whoever it is meant for; None when the key did not seal it."""
        mac, sealed = frame[:MAC], frame[MAC:]
        if len(sealed) < 2 * SESSION + NUMBER or not hmac.compare_digest(mac, self._mac(worker, sealed)):
            return None
        number = int.from_bytes(sealed[2 * SESSION : 2 * SESSION + NUMBER])
        return Opened(sealed[:SESSION], sealed[SESSION : 2 * SESSION], number, sealed[2 * SESSION + NUMBER :])

    def is_new(self, opened: Opened) -> bool:
        """Whether it is meant for this session and comes for the first time; asked once of each."""
        if opened.receiver != self.session or opened.number <= self._last.get(opened.sender, 0):
            return False
        self._last[opened.sender] = opened.number
        return True

    def _mac(self, worker: bytes, sealed: bytes) -> bytes:
        return hmac.digest(self._key, len(worker).to_bytes(NUMBER) + worker + sealed, "sha256")
