"""Users that have signed in and do nothing."""

from locust import constant  # first: Locust patches sockets for gevent  # isort: skip

import gevent

from locustfile import ChaterUser

ChaterUser.abstract = True


def idle(user: ChaterUser) -> None:
    """Sleep for longer than any benchmark."""
    gevent.sleep(3600)


class Idle(ChaterUser):
    """As large as a user gets before its first request."""

    abstract = False
    wait_time = constant(0)


Idle.tasks = [idle]  # afterwards: a class's own are added to those that it inherits
