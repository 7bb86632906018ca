"""Arrivals find users, at the times that were drawn, whatever the users before them wait for."""

import time
from types import SimpleNamespace
from typing import Any

import gevent
import gevent.event
import pytest
from locust import FastHttpUser, constant, task
from locust.env import Environment

from chaterload.chater.load_context import CURRENT
from chaterload.chater.user import ProtobufUser
from chaterload.judge.lateness import Arrivals
from chaterload.load.rates import ArrivalPlan, reserve
from chaterload.run.dispatch import Dispatcher

HOUR = constant(3600)


class Shared:
    """What users of a run share, as far as these look."""

    host, every_task, accounts = "http://127.0.0.1:9", False, ()
    arrivals: Any = None


class Caller(ProtobufUser):
    """Notes when its tasks were due, and waits where it is told to."""

    wait_time = HOUR
    due_times: list[float]
    gate: gevent.event.Event

    @task
    def call(self) -> None:
        self.due_times.append(self.due or 0.0)
        tell_request(self)
        self.gate.wait()


def tell_request(user: ProtobufUser) -> None:
    user.environment.events.request.fire(
        request_type="GET", name="/", response_time=1.0, response_length=0, exception=None, context={}
    )


@pytest.fixture
def classes():
    """Of users."""
    return [Caller]


@pytest.fixture
def world(classes):
    """Starts a run by rate in this process, with a local runner, and ends it."""
    Caller.due_times, Caller.gate = [], gevent.event.Event()
    Caller.gate.set()
    environment = Environment(user_classes=classes, stop_timeout=2)
    runner = environment.create_local_runner()
    shared: Any = Shared()

    def start(rate, most=500, seed=1, kind="poisson", may_grow=lambda: True, in_flight=lambda: 0):
        plan = ArrivalPlan(kind, seed, most)
        shared.arrivals = Dispatcher(environment, plan, may_grow, in_flight)
        CURRENT.put(shared)
        runner.start(1, 100)
        shared.arrivals.ask(rate)
        return shared.arrivals

    yield SimpleNamespace(start=start, runner=runner)
    Caller.gate.set()
    if shared.arrivals:
        shared.arrivals.stop()
    runner.quit()
    CURRENT.clear()


def figures(dispatcher):
    return Arrivals(**dispatcher.figures())


def wait_for(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        gevent.sleep(0.01)


def test_each_arrival_is_a_task(world):
    """Tasks begin one for each arrival, in their order, and their users wait in between for no other reason."""
    dispatcher = world.start(200.0)
    wait_for(lambda: len(Caller.due_times) > 50)
    assert Caller.due_times == sorted(Caller.due_times)
    assert len(Caller.due_times) <= figures(dispatcher).arrivals <= len(Caller.due_times) + world.runner.user_count
    assert figures(dispatcher).idle >= 1
    assert world.runner.user_count < 100


def test_a_seed_repeats_the_times(world):
    """The gaps are those that the seed has always given."""
    dispatcher = world.start(500.0, seed=42)
    wait_for(lambda: len(Caller.due_times) > 20)
    gaps = [later - earlier for earlier, later in zip(Caller.due_times, Caller.due_times[1:], strict=False)]
    dispatcher.stop()
    world.runner.stop()
    Caller.due_times.clear()
    world.start(500.0, seed=42)
    wait_for(lambda: len(Caller.due_times) > 20)
    again = [later - earlier for earlier, later in zip(Caller.due_times, Caller.due_times[1:], strict=False)]
    assert again[:20] == pytest.approx(gaps[:20], rel=0.05)


def test_a_server_that_stands_still_is_sent_more(world):
    """While no answer comes, arrivals go on as before, each with a user of its own."""
    Caller.gate.clear()
    dispatcher = world.start(200.0)
    wait_for(lambda: len(Caller.due_times) > 100)
    assert world.runner.user_count > 100
    assert figures(dispatcher).late_by_server == 0


@pytest.mark.parametrize(("in_flight", "cause"), [(5, "late_by_server"), (3, "late_by_server"), (2, "late_by_pool")])
def test_the_bound_on_users_makes_arrivals_late(world, in_flight, cause):
    """Where all users are in tasks and no more may be, arrivals wait: for the server where most users wait for it."""
    Caller.gate.clear()
    dispatcher = world.start(100.0, most=5, in_flight=lambda: in_flight)
    wait_for(lambda: figures(dispatcher).waiting > 30)
    assert world.runner.user_count == 5
    gevent.sleep(0.15)
    due = Caller.due_times[-1]
    Caller.gate.set()
    wait_for(lambda: figures(dispatcher).waiting == 0)
    assert Caller.due_times[5] - due < 1.0  # as they were due, one after the other
    found = figures(dispatcher)
    assert getattr(found, cause) == found.late > 10
    assert found.latest_ms > 100


def test_arrivals_that_nobody_ever_took(world):
    """What still waits when the load ends was late as well."""
    Caller.gate.clear()
    dispatcher = world.start(100.0, most=2)
    wait_for(lambda: figures(dispatcher).waiting > 30)
    gevent.sleep(0.15)
    waiting = figures(dispatcher).waiting
    dispatcher.stop()
    found = figures(dispatcher)
    assert found.waiting == 0
    assert found.arrivals >= waiting + 2
    assert found.late > 10
    dispatcher.ask(100.0)
    before = found.arrivals
    gevent.sleep(0.1)
    assert figures(dispatcher).arrivals == before


def test_a_generator_that_stands_still_is_the_cause(world):
    """Arrivals that were due while this process did not run are late by its own doing."""
    dispatcher = world.start(200.0)
    wait_for(lambda: len(Caller.due_times) > 5)
    before = figures(dispatcher).arrivals
    time.sleep(0.5)  # nothing in this process goes on
    wait_for(lambda: figures(dispatcher).arrivals > before + 50)
    found = figures(dispatcher)
    assert found.late_by_generator == found.late >= 30


def test_a_pool_that_may_not_grow(world):
    """Where users find no account, no more are started."""
    Caller.gate.clear()
    dispatcher = world.start(100.0, may_grow=lambda: False)
    wait_for(lambda: figures(dispatcher).waiting > 10)
    assert world.runner.user_count == 1


def test_the_reserve_is_there_first(world):
    """The first arrival finds as many idle users as the rate takes."""
    dispatcher = world.start(0.001)
    wait_for(lambda: figures(dispatcher).idle >= reserve(0.0))
    dispatcher.ask(500.0)
    wait_for(lambda: figures(dispatcher).idle >= reserve(500.0) / 2)


def test_a_change_of_the_rate(world):
    """From nothing to much and back to nothing, each within moments."""
    dispatcher = world.start(0.0)
    wait_for(lambda: figures(dispatcher).idle)
    assert Caller.due_times == []
    dispatcher.ask(300.0)
    wait_for(lambda: len(Caller.due_times) > 20)
    dispatcher.ask(0.0)
    gevent.sleep(0.05)
    before = len(Caller.due_times)
    gevent.sleep(0.1)
    assert len(Caller.due_times) == before


class Thinker(ProtobufUser):
    """Thinks within its task."""

    wait_time = constant(0.0)
    thought: int = 0

    @task
    def call(self) -> None:
        self.wait()
        Thinker.thought += 1


def test_a_user_thinks_within_a_task_as_ever():
    """A pause that a task asks for is the user's own, and takes no arrival."""
    environment = Environment(user_classes=[Thinker], stop_timeout=2)
    runner = environment.create_local_runner()
    shared: Any = Shared()
    shared.arrivals = Dispatcher(environment, ArrivalPlan("even", 1, 100), lambda: True, lambda: 0)
    CURRENT.put(shared)
    try:
        runner.start(1, 100)
        shared.arrivals.ask(200.0)
        wait_for(lambda: Thinker.thought >= 60)
        shared.arrivals.ask(0.0)
        # each arrival is one task that ends; if its pause took another, some would wait for one that never comes
        wait_for(lambda: figures(shared.arrivals).arrivals == Thinker.thought)
    finally:
        shared.arrivals.stop()
        runner.quit()
        CURRENT.clear()


def test_users_that_wait_stop_at_once(world):
    """Idle users end with the run, and are not waited for."""
    dispatcher = world.start(50.0)
    wait_for(lambda: len(Caller.due_times) > 3)
    dispatcher.stop()
    began = time.monotonic()
    world.runner.stop()
    assert world.runner.user_count == 0
    assert time.monotonic() - began < world.runner.environment.stop_timeout


class Parallel(Caller):
    """Makes three requests at once, each in a greenlet of its own."""

    @task
    def call(self) -> None:
        self.due_times.append(self.due or 0.0)
        gevent.joinall([gevent.spawn(tell_request, self) for _ in range(3)])


Parallel.tasks = [Parallel.call]  # without Caller's, which Locust adds


@pytest.mark.parametrize("classes", [[Parallel]])
def test_requests_of_greenlets_that_a_task_starts(world):
    """They are the task's: where each makes three, a third of the tasks make the rate."""
    world.start(600.0, kind="even")
    wait_for(lambda: len(Caller.due_times) > 400)
    assert 100 / (Caller.due_times[400] - Caller.due_times[300]) == pytest.approx(200.0, rel=0.2)


class Plain(FastHttpUser):
    """Loads by its own pauses."""

    host, weight, wait_time = "http://127.0.0.1:9", 100, HOUR

    @task
    def call(self) -> None:
        pass


class Idle(Caller):
    """Has no task left, as --tags may leave a class."""


Idle.tasks = []


@pytest.mark.parametrize("classes", [[Plain, Idle, Caller]])
def test_users_that_take_no_arrivals(world):
    """Besides the one that Locust begins with, none is started of a class that does not load by arrivals."""
    dispatcher = world.start(100.0)
    wait_for(lambda: len(Caller.due_times) > 20 and figures(dispatcher).waiting == 0)
    assert sum(map(world.runner.user_classes_count.get, ("Plain", "Idle"))) <= 1
