"""ChaterUser as it is, without think time: judging, looking for writes, the real photo."""

from locust import constant  # first: Locust patches sockets for gevent  # isort: skip

import os
import random

import gevent
from locustfile import ChaterUser

PAUSE = float(os.environ.get("BENCH_PAUSE", "0"))

ChaterUser.abstract = True


class NoThinkTime(ChaterUser):
    """The whole mix, back to back, or with a pause of BENCH_PAUSE seconds between two tasks."""

    abstract = False
    wait_time = constant(PAUSE)

    def on_start(self) -> None:
        """Begin at any moment of the pause: else all would send at once, and again after each pause."""
        gevent.sleep(random.uniform(0, PAUSE))
        super().on_start()
