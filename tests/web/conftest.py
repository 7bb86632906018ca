"""Locust's own web UI with our guards, and in the place of a run something that notes what it is asked for."""

import contextlib
import http.client
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import gevent
import pytest
from flask.testing import FlaskClient
from locust import constant, task
from locust.env import Environment
from locust.stats import RequestStats
from locust.web import WebUI

from chaterload.chater.environment import load_settings
from chaterload.chater.user import ProtobufUser
from chaterload.run.controller import RunController
from chaterload.run.lifecycle import Prepared
from chaterload.run.run_options import RunOptions
from chaterload.web.setup import set_up

HOST = "http://127.0.0.1:5000"
OWN = {"Origin": "http://localhost:8089", "Host": "localhost:8089"}


class ChaterUser(ProtobufUser):
    """One that does nothing."""

    wait_time = constant(1)

    @task
    def idle(self) -> None:
        pass


class Runner:
    """Notes what would have been loaded."""

    def __init__(self) -> None:
        self.state, self.user_count, self.user_classes = "ready", 0, [ChaterUser]
        self.current_cpu_usage, self.current_memory_usage = 0.0, 0
        self.stats = RequestStats()
        self.exceptions: dict[str, Any] = {}
        self.errors: dict[str, Any] = {}
        self.user_classes_count: dict[str, int] = {}
        self.started: list[int] = []
        self.stopped = 0

    def start(self, users: int, *_: Any, **__: Any) -> None:
        self.started.append(users)

    def start_shape(self) -> None:
        """A strategy begins."""

    def stop(self) -> None:
        self.stopped += 1


class Node:
    """Stands where the check of host and token stands, and notes what it is asked for."""

    def __init__(self) -> None:
        self.checked: list[tuple[int, str | None]] = []
        self.rates: list[float] = []
        self.gauge = None

    def check(self, run_id: str, users: int, host: str | None) -> None:
        self.checked.append((users, host))

    def start(self, prepared: Prepared, *, every_task: bool) -> None:
        """A run starts."""

    def ask_rate(self, rate: float) -> None:
        """So many requests per second."""
        self.rates.append(rate)

    def finish(self) -> None:
        """A run ends."""

    def reports(self) -> list[dict[str, Any]]:
        return []


class Site:
    """A web UI that has been set up, its run, and a client of it."""

    def __init__(self, host: str, login: bool = False, **options: Any) -> None:
        given: dict[str, Any] = {
            "web_host": host,
            "web_known_as": None,
            "web_base_path": "",
            "stand_in": False,
            "class_picker": False,
        }
        given |= {"num_users": 1, "spawn_rate": 1, "run_time": None, "stats_history_enabled": False}
        given |= {"rate": None, "arrivals": "poisson", "arrivals_seed": None, "rate_users": 5000} | options
        allowed = given.pop("allowed", ())
        tls = {name: given.pop(name, None) for name in ("tls_cert", "tls_key")}
        environment: Any = Environment(
            user_classes=[ChaterUser],
            host=given.pop("target", HOST),
            parsed_options=SimpleNamespace(**given),
            available_user_classes={"ChaterUser": ChaterUser},  # type: ignore[dict-item]  # it says User and means its type
            available_user_tasks={"ChaterUser": list(ChaterUser.tasks)},
        )
        self.environment, self.runner = environment, Runner()
        environment.runner = self.runner
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.web_ui: Any = WebUI(environment, host, self.port, web_login=login, delayed_start=True, **tls)
        self.node = Node()
        self.control = RunController(
            environment, RunOptions.read(environment.parsed_options), load_settings(), cast(Any, self.node), judge=None
        )
        set_up(self.web_ui, self.control, load_settings(), allowed)

    @property
    def app(self) -> Any:
        return self.web_ui.app

    def client(self) -> FlaskClient:
        """A browser, but for the headers that say where it comes from."""
        client: FlaskClient = self.app.test_client()
        return client

    def nothing_happened(self) -> bool:
        """Whether no request had any effect."""
        return not (self.node.checked or self.runner.started or self.runner.stopped)

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)


@pytest.fixture(autouse=True)
def no_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locust reads the command line for each page; pytest's has words that it does not know."""
    monkeypatch.setattr(sys, "argv", ["locust"])


Make = Callable[..., Site]


@pytest.fixture
def make() -> Make:
    """Sets a web UI up; it is asked without a network."""

    def site(host: str = "127.0.0.1", **options: Any) -> Site:
        return Site(host, **options)

    return site


@contextlib.contextmanager
def serving(site: Site) -> Iterator[Site]:
    """The web UI on its port, in a thread of its own."""
    ready, end = threading.Event(), threading.Event()

    def serve() -> None:
        greenlet = gevent.spawn(site.web_ui.start_server)
        while not end.is_set():
            gevent.sleep(0.02)
            if site.web_ui.server and site.web_ui.server.started:
                ready.set()
        site.web_ui.server.stop()
        greenlet.join()

    thread = threading.Thread(target=serve)
    thread.start()
    assert ready.wait(20)
    try:
        yield site
    finally:
        end.set()
        thread.join()
