"""The times in which this process got no answer at all, and what it waited for meanwhile. Pure.

An answer is whatever came whole, good or bad; a request that broke off or timed out has none.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from chaterload.chater.deadline import CHECK_EVERY_S, OpenRequest

SHORTEST_S = 1.0
"""What is shorter is not kept."""
MOST = 1000
"""Kept at most; the longest ones stay."""
STALL_S = 1.0
"""So late was the last look around: not the server but this process stood still."""


@dataclass
class AnswerGap:
    """From one answer to the next one, in monotonic seconds."""

    began: float
    ended: float
    open: int = 0
    """The most requests that were seen to wait in it."""
    waits: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    """By method and path, when the longest wait for one began, and until when it went on in here."""

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    def add(self, requests: Iterable[OpenRequest], now: float) -> None:
        """These wait, or have waited until now."""
        requests = list(requests)
        for request in requests:
            key, since = (request.method, request.path), max(request.began, self.began)
            begin, end = self.waits.get(key, (now, now))
            if now - since >= end - begin:
                self.waits[key] = since, now
        self.open = max(self.open, len(requests))

    def to_list(self, now: float) -> list[Any]:
        """In a form that msgpack carries, as seconds ago: no two machines have the same clock."""
        waits = [[*key, now - begin, now - end] for key, (begin, end) in self.waits.items()]
        return [now - self.began, now - self.ended, self.open, waits]

    @classmethod
    def from_list(cls, told: list[Any], now: float) -> "AnswerGap":
        """What another process told just now, by this one's clock."""
        began, ended, count, waits = told
        found = {(method, path): (now - begin, now - end) for method, path, begin, end in waits}
        return cls(now - began, now - ended, count, found)


class AnswerGaps:
    """Keeps those of SHORTEST_S and more, from `start` to `end`."""

    def __init__(self, open_requests: Callable[[], list[OpenRequest]]) -> None:
        self._open_requests = open_requests
        self.kept: list[AnswerGap] = []
        self.untold: list[AnswerGap] = []
        """Those that a master has not been told."""
        self._last: float | None = None
        """When the gap that goes on began; None before the start and after the end."""
        self._broken_off = AnswerGap(0.0, 0.0)
        """Requests that ended without an answer in it."""
        self._looked = 0.0
        self.began = self.ended = 0.0
        """From when on, and until when, it was looked for answers."""

    def start(self) -> None:
        """A run begins; what was before is forgotten."""
        self.kept, self.untold = [], []
        self.began = self.ended = self._last = self._looked = monotonic()

    def answered(self, request: OpenRequest) -> None:
        """An answer has come."""
        now = monotonic()
        self.look(request)
        if self._last is not None:
            if now - self._last >= SHORTEST_S:
                self._close(now, request)
            self._last = now

    def broke_off(self, request: OpenRequest) -> None:
        """A request has ended without an answer."""
        now = monotonic()
        self.look(request)
        if self._last is not None and now - self._last >= SHORTEST_S:
            self._note(now, request)

    def look(self, ended: OpenRequest | None = None) -> None:
        """Look around, every CHECK_EVERY_S: else this process stood still, and nobody knows what would have come.

        `ended` is a request that has just ended.
        """
        now = monotonic()
        if self._last is not None and now - self._looked > CHECK_EVERY_S + STALL_S:
            if self._looked - self._last >= SHORTEST_S:
                self._close(self._looked, ended)
            self._last = now
        self._looked = now

    def end(self) -> None:
        """The load has ended: what is not answered now is no silence any more."""
        self.look()
        if gap := self.current():
            self._keep(gap)
        if self._last is not None:
            self.ended = monotonic()
        self._last = None

    def current(self) -> AnswerGap | None:
        """The gap that goes on, as far as it has come."""
        now = monotonic()
        if self._last is None or now - self._last < SHORTEST_S:
            return None
        return self._gap(now)

    def _note(self, now: float, request: OpenRequest) -> None:
        if self._broken_off.began != self._last:
            self._broken_off = AnswerGap(self._last or 0.0, now)
        self._broken_off.add([request, *self._open_requests()], now)

    def _gap(self, now: float, request: OpenRequest | None = None) -> AnswerGap:
        began = self._last or 0.0
        gap = AnswerGap(began, now)
        if self._broken_off.began == began:
            gap.open, gap.waits = self._broken_off.open, dict(self._broken_off.waits)
        known = [*self._open_requests(), *([request] if request else [])]
        gap.add((waiting for waiting in known if waiting.began < now), now)
        return gap

    def _close(self, now: float, request: OpenRequest | None = None) -> None:
        self._keep(self._gap(now, request))

    def _keep(self, gap: AnswerGap) -> None:
        self.untold.append(gap)
        self.kept = with_longest([*self.kept, gap])

    @property
    def all(self) -> list[AnswerGap]:
        """Those that are kept, and the one that goes on."""
        current = self.current()
        return [*self.kept, current] if current else self.kept

    def tell(self) -> dict[str, Any]:
        """For a master: those that came since this was last asked, and the one that goes on."""
        now, current, new = monotonic(), self.current(), self.untold
        self.untold = []
        return {
            "new": [gap.to_list(now) for gap in new],
            "current": current and current.to_list(now),
            "began": now - self.began,
            "ended": 0.0 if self._last is not None else now - self.ended,
        }


def with_longest(gaps: list[AnswerGap]) -> list[AnswerGap]:
    """All of them, or the longest MOST once there are twice as many; in their order."""
    if len(gaps) < 2 * MOST:
        return gaps
    longest = sorted(gaps, key=lambda gap: -gap.seconds)[:MOST]
    return sorted(longest, key=lambda gap: gap.began)
