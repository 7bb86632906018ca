"""The server's own faults, as they look from outside: which there are, when each begins and for how long. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

MODES = {
    "frozen-workers": "nothing is answered while it lasts; what came in meanwhile is answered afterwards",
    "hanging-workers": "500s at first; then all workers but one hang, and their requests are cut off at the end",
    "backend-dead": "whatever waits for the food backend gives up: today 503 after 20 s, a photo 408 after 60 s",
    "kafka-gone": "the same, and today gives up after 30 s",
    "redis-gone": "each worker's first request is a 500 at once, and its next one a 500 after 31 s",
    "database-restart": "a 500 at once from whatever reads the database",
    "per-worker-metrics": "each of four processes has its own /metrics, and a scrape shows any of them",
}
"""What each is like, as it was seen on a running Chater UI that was broken on purpose."""

USUAL_SECONDS = {"redis-gone": 5.0, "database-restart": 4.0}
"""For how long those last that have been seen to end by themselves; any other lasts until it is ended."""

EXPECTED = "NAME, NAME@START or NAME@START+SECONDS, such as redis-gone@20+5"

_SHAPE = re.compile(r"(?P<name>[a-z-]+)(?:@(?P<start>[\d.]+))?(?:\+(?P<seconds>[\d.]+))?")


@dataclass(frozen=True)
class Episode:
    """One fault of the server, from `start` on for `seconds`."""

    name: str
    start: float = 0.0
    seconds: float = math.inf

    @classmethod
    def parse(cls, text: object) -> Episode:
        """The episode that `text` names. ValueError, in plain words, when it names none."""
        found = _SHAPE.fullmatch(text) if isinstance(text, str) else None
        if not found:
            raise ValueError(f"{text!r} is no fault mode. Expected {EXPECTED}")
        name = found["name"]
        if name not in MODES:
            raise ValueError(f"{name!r} is no fault mode. Expected one of {', '.join(MODES)}")
        try:
            start = float(found["start"] or 0)
            seconds = float(found["seconds"] or USUAL_SECONDS.get(name, math.inf))
        except ValueError:
            raise ValueError(f"{text!r} has a time that is no number. Expected {EXPECTED}") from None
        return cls(name, start, seconds)

    def covers(self, seconds: float) -> bool:
        """Whether it is on, so many seconds after the moment from which its start is counted."""
        return self.start <= seconds < self.start + self.seconds

    def __str__(self) -> str:
        lasting = "" if self.seconds == math.inf else f"+{self.seconds:g}"
        return f"{self.name}@{self.start:g}{lasting}"
