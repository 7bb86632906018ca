"""One small request, again and again, with a random pause of BENCH_PAUSE seconds on average."""

from locust import between  # first: Locust patches sockets for gevent  # isort: skip

import os

from locustfile import ChaterUser

ChaterUser.abstract = True
PAUSE = float(os.environ.get("BENCH_PAUSE", "1"))


class OneRequest(ChaterUser):
    """Only what was eaten on one past day."""

    abstract = False
    wait_time = between(0, 2 * PAUSE)


OneRequest.tasks = [ChaterUser.custom_date_query]  # afterwards: a class's own are added to those that it inherits
