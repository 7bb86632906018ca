"""Shares a process's time among what comes faster than it is read, and everything else."""

import time

import gevent

SLICE_S = 0.01


class Turns:
    """All that take turns get together SLICE_S of each turn of the hub, which else runs only when all of them wait."""

    def __init__(self) -> None:
        self._turn = -1
        self._began = 0.0

    def take(self) -> None:
        """Go on when it is time."""
        loop = gevent.get_hub().loop
        while loop.iteration == self._turn and time.monotonic() - self._began >= SLICE_S:
            gevent.sleep(0.0001)  # 0 would leave no time to those who wait for a timer
        if loop.iteration != self._turn:
            self._turn, self._began = loop.iteration, time.monotonic()
