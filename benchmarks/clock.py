"""One small request, again and again, with a random pause of BENCH_PAUSE seconds on average.

What the ramp measured is forgotten when all users are there.
"""

from locust import between, events  # first: Locust patches sockets for gevent  # isort: skip

import os

from locust.env import Environment
from locustfile import ChaterUser

ChaterUser.abstract = True
PAUSE = float(os.environ.get("BENCH_PAUSE", "1"))


class OneRequest(ChaterUser):
    """Only what was eaten on one past day."""

    abstract = False
    wait_time = between(0, 2 * PAUSE)


OneRequest.tasks = [ChaterUser.custom_date_query]  # afterwards: a class's own are added to those that it inherits


@events.init.add_listener
def forget_the_ramp(environment: Environment, **_: object) -> None:
    """--reset-stats by hand: with a verdict, the option itself is refused."""
    environment.events.spawning_complete.add_listener(lambda user_count, **_: environment.stats.reset_all())
