"""ChaterUser as it is, without think time: judging, looking for writes, the real photo."""

from locust import constant  # first: Locust patches sockets for gevent  # isort: skip

import os

from locustfile import ChaterUser

ChaterUser.abstract = True


class NoThinkTime(ChaterUser):
    """The whole mix, back to back, or with a pause of BENCH_PAUSE seconds between two tasks."""

    abstract = False
    wait_time = constant(float(os.environ.get("BENCH_PAUSE", "0")))
