"""The shapes tell Locust what to do, by a clock and a runner of the test's own."""

from argparse import Namespace
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from locust import tag
from locust.runners import MasterRunner

from chaterload.chater import routes
from chaterload.judge.measure import ALL, Endpoint, EndpointStats, Snapshot
from chaterload.judge.objectives import Measure, Objective
from chaterload.load.scenario import calls
from chaterload.load.shapes import (
    FRESH_WINDOW_S,
    CapacityShape,
    NamedShape,
    StagedShape,
    search_limits,
    staged_shapes,
)
from chaterload.load.strategies import STRATEGIES, SearchLimits
from chaterload.run.conclusion import tasks_never_run
from chaterload.run.lifecycle import Prepared, Run

WEIGHT = Endpoint("POST", "/manual_weight")
LIMIT = Objective(WEIGHT, Measure.named("p95"), 500.0)


class Master(MasterRunner):
    """One of Locust's by its type alone."""

    user_count = 0

    def __init__(self):
        pass

    def __del__(self):
        pass


class World:
    """A server with so many workers of a fixed service time, the users that load it, and a clock.

    A closed queue of users who think for a second: throughput is min(users / (1 s + service), workers / service).
    """

    def __init__(self, workers=4, service_s=0.04, cpu=10.0, is_master=False):
        self.now, self.workers, self.service_s, self.cpu = 0.0, workers, service_s, cpu
        self.runner: Any = Master() if is_master else SimpleNamespace(user_count=0)
        self.times: Counter[int] = Counter()
        self.hiccup_at: float | None = None
        self.dead_above = 10**9

    @property
    def capacity(self):
        return self.workers / self.service_s

    def pass_time(self, seconds):
        users = self.runner.user_count
        rate = min(users / (1 + self.service_s), self.capacity)
        response_ms = max(self.service_s, users / self.capacity - 1) * 1000
        self.now += seconds
        if users > self.dead_above:
            return
        self.times[round(response_ms)] += round(rate * seconds)
        if self.hiccup_at is not None and self.now >= self.hiccup_at:
            self.times[5000], self.hiccup_at = self.times[5000] + 30, None

    def measure(self):
        count = sum(self.times.values())
        total = sum(ms * n for ms, n in self.times.items())
        return Snapshot({WEIGHT: EndpointStats(count, 0, Counter(self.times), total)}, self.now)

    def shape(self, limits=None):
        return self.follow(CapacityShape(limits or SearchLimits(), [LIMIT], self.measure, lambda: self.cpu))

    def follow(self, shape: Any):
        shape.runner, shape.get_run_time = self.runner, lambda: self.now
        return shape

    def run(self, shape, most_s=20_000):
        """Tick once a second, as Locust does, and follow at once; the users of each tick."""
        asked = []
        while (tick := shape.tick()) is not None:
            assert self.now < most_s, "the shape does not end"
            asked.append(tick)
            self.runner.user_count = tick[0]
            self.pass_time(1.0)
        return asked


def at(shape, seconds):
    shape.get_run_time = lambda: seconds
    return shape.tick()


def test_stages():
    """A staged shape gives users and spawn rate of the moment, and has finished only after its last stage."""
    shape = StagedShape(STRATEGIES["spike"])
    assert [at(shape, second) for second in (0, 119, 120, 419, 420, 539)] == [
        *((10, 10), (10, 10)),
        *((100, 50), (100, 50)),
        *((10, 50), (10, 50)),
    ]
    assert not shape.finished
    assert at(shape, 540) is None
    assert shape.finished
    shape.reset_time()
    assert not shape.finished


def test_what_a_staged_shape_says_of_itself():
    """Name, peak, time and whether it runs every task are the strategy's."""
    for name, shape in staged_shapes(0.5, None).items():
        strategy = STRATEGIES[name]
        assert (shape.name, shape.peak_users, shape.every_task) == (name, strategy.peak_users, strategy.every_task)
        assert shape.seconds == strategy.seconds / 2
    assert staged_shapes(1, 7)["stress"].peak_users == 7


@pytest.mark.parametrize("shape", [NamedShape, StagedShape, CapacityShape])
def test_no_shape_is_taken_by_itself(shape):
    """Locust, which takes the first shape of a locustfile that is not abstract, takes none of ours."""
    assert shape.abstract


@pytest.mark.parametrize(("workers", "service_s"), [(2, 0.05), (4, 0.04), (1, 0.02), (40, 0.4), (8, 0.01)])
def test_the_capacity_is_found(workers, service_s):
    """The search ends within 10 % of the server's capacity, at the users beyond which the objective breaks."""
    world = World(workers, service_s)
    shape = world.shape()
    world.run(shape)
    found = shape.found()
    breaks_at = world.capacity * 1.5  # where users / capacity - 1 is 500 ms
    assert found.requests_per_second == pytest.approx(world.capacity, rel=0.1)
    assert 0.93 * breaks_at - 1 <= found.users < breaks_at
    assert found.first_broken_users >= breaks_at
    assert found.broken == ("POST /manual_weight p95",)
    assert found.limit == "the server"
    assert shape.finished
    assert shape.best().users == found.users


def test_a_step_is_judged_by_itself():
    """What came before a step, terrible as it was, is not in its figures."""
    world = World(4, 0.04)
    world.times[60_000] = 10_000
    shape = world.shape()
    world.run(shape)
    assert shape.found().users > 100
    assert all(step.window.endpoints[WEIGHT].times.get(60_000, 0) == 0 for step in shape.steps)


def test_one_hiccup_does_not_end_the_climb():
    """A step that broke once is judged again, by new windows."""
    world = World(4, 0.04)
    world.hiccup_at = 28.0  # in the last window of the first step
    shape = world.shape()
    world.run(shape)
    assert world.hiccup_at is None
    assert world.times[5000] == 30
    assert shape.steps[0].users == 10
    assert shape.found().requests_per_second == pytest.approx(100, rel=0.1)


def test_a_server_that_answers_nobody():
    """Where no request is answered in a step, the step is broken, and says so."""
    world = World(4, 0.04)
    world.dead_above = 60
    shape = world.shape()
    world.run(shape)
    found = shape.found()
    assert found.users <= 60 < found.first_broken_users
    assert found.broken == ("all requests: none was answered",)


def test_the_generator_is_the_limit():
    """Above 90 % CPU the search stops, and blames the generator and not the server."""
    world = World(400, 0.04)
    shape = world.shape()
    shape._cpu_percent = lambda: 95.0 if world.runner.user_count >= 60 else 20.0
    world.run(shape)
    found = shape.found()
    assert (found.users, found.first_broken_users, found.broken) == (50, None, ())
    assert found.limit.startswith("the load generator")


def test_the_bound_in_users():
    """A server without a limit is loaded up to the bound and not beyond, and the bound is named."""
    world = World(4000, 0.04)
    shape = world.shape(SearchLimits(most_users=37))
    asked = world.run(shape)
    assert max(users for users, _ in asked) == 37
    assert shape.found().users == 37
    assert shape.found().limit == "the search's bound of 37 users"


def test_the_bound_in_time():
    """The search ends in time with what it has found so far."""
    world = World(4000, 0.04)
    shape = world.shape(SearchLimits(seconds=100))
    world.run(shape)
    assert world.now == pytest.approx(100, abs=1)
    assert shape.found().limit == "the search's bound of 100 s"
    assert shape.found().users > 0
    assert shape.found().first_broken_users is None


def test_a_search_that_was_cut_short():
    """Before its end there is no limit to name, and where nothing was judged, a capacity of 0."""
    found = World().shape().found()
    assert (found.users, found.requests_per_second, found.limit) == (0, 0.0, "the end of the run")


def test_users_that_come_and_go_restart_the_step():
    """A step does not count until its users are there, and begins anew when one of them is lost."""
    world = World()
    shape = world.shape()
    for second in range(100):
        assert shape.tick()[0] == 10
        world.runner.user_count = 10 if second % 20 else 9
        world.pass_time(1.0)
    assert shape.steps == []


def test_a_second_run_searches_anew():
    """When the web UI starts the shape again, nothing of the first run is left."""
    world = World()
    shape = world.shape()
    world.run(shape)
    shape.reset_time()
    assert (shape.steps, shape.limit, shape.finished, shape.found().users) == ([], None, False, 0)


def test_windows_on_a_master():
    """Workers report every 3 s, so a master's windows are longer than a rehearsal's scale makes them."""
    limits = search_limits(0.1, None)
    assert World().shape(limits)._window_s == 1.0
    assert World(is_master=True).shape(limits)._window_s == FRESH_WINDOW_S == 12.0


def test_a_rehearsal_of_the_search():
    """The scale shrinks its times and the users bound it."""
    limits = search_limits(0.5, 80)
    assert (limits.seconds, limits.window_s, limits.settle_s, limits.most_users) == (1800, 5, 2.5, 80)
    assert limits.first_step == SearchLimits().first_step
    assert search_limits(1, None) == SearchLimits()


def test_failures_break_a_step():
    """An objective on failures is judged by the window as well as one on times."""
    world = World()
    failing = Objective(ALL, Measure.named("failure_ratio"), 0.01)

    def measure():
        snapshot = world.measure()
        m = snapshot.endpoints[WEIGHT]
        return Snapshot({WEIGHT: EndpointStats(m.requests, m.requests // 2, m.times, m.total_ms)}, snapshot.seconds)

    shape = world.follow(CapacityShape(SearchLimits(), [failing], measure, lambda: 0.0))
    world.run(shape)
    assert shape.found().users == 0
    assert shape.found().broken == ("all requests failure_ratio",)


class Tapper:
    """A user class with two tasks, one of which asks two endpoints."""

    @tag("flow")
    @calls(routes.WEIGHT, routes.TODAY)
    def flow(self):
        """The first of its requests tells that it ran."""

    @tag("language")
    @calls(routes.LANGUAGE)
    def language(self):
        """One request."""


@pytest.mark.parametrize(
    ("name", "exclude", "asked", "excluded_endpoints"),
    [
        ("smoke", None, ("POST /manual_weight", "POST /set_language"), []),
        ("smoke", None, ("POST /manual_weight",), ["smoke left out language: no request to POST /set_language"]),
        ("smoke", ["language"], ("POST /manual_weight",), []),
        ("smoke", ["language"], (), ["smoke left out flow: no request to POST /manual_weight"]),
        ("load", None, (), []),
    ],
)
def test_a_task_that_smoke_left_out(name, exclude, asked, excluded_endpoints):
    """Every task that the tags leave has to have asked its first endpoint, where the strategy is to run every task."""
    environment: Any = SimpleNamespace(
        user_classes=[Tapper],
        available_user_classes={"Tapper": Tapper},
        available_user_tasks={"Tapper": [Tapper.flow, Tapper.language]},
        parsed_options=Namespace(tags=None, exclude_tags=exclude),
    )
    course = Run(Prepared("id", "http://localhost", None, []), shape=StagedShape(STRATEGIES[name]))
    figures = Snapshot({Endpoint(*endpoint.split()): EndpointStats(1) for endpoint in asked}, 1.0)
    assert tasks_never_run(environment, course, figures) == excluded_endpoints
