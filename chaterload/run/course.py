"""How a run went, besides its figures."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chaterload.judge.history import History
from chaterload.load.shapes import NamedShape


@dataclass
class Course:
    """How a run went, besides its figures. Made when it starts; its length is that of a clock nobody can set."""

    start: datetime
    history: History = field(default_factory=History)
    workers: int = 0
    shape: NamedShape | None = None
    invalid: list[str] = field(default_factory=list)
    """Why it proves nothing, as far as seen on the way."""
    missed: list[str] = field(default_factory=list)
    """Why it was stopped early, as the failure that it is."""
    server_before: str | None = None
    """The server's /metrics at the start, None where it has none."""

    _began: float = field(default_factory=lambda: time.monotonic(), init=False)
    _ended: float | None = field(default=None, init=False)
    _offset: float = field(default_factory=lambda: time.time() - time.monotonic(), init=False)

    def finish(self) -> None:
        """The users are about to be stopped. Only the first call counts."""
        if self._ended is None:
            self._ended = time.monotonic()

    @property
    def finished(self) -> bool:
        return self._ended is not None

    @property
    def seconds(self) -> float:
        """So far, or in all."""
        return (time.monotonic() if self._ended is None else self._ended) - self._began

    @property
    def end(self) -> datetime:
        """Now, while it goes on."""
        return self.start + timedelta(seconds=self.seconds)

    @property
    def clock_set_by(self) -> float:
        """By how many seconds somebody set the clock since the start; Locust's own times follow it."""
        return time.time() - time.monotonic() - self._offset
