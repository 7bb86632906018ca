"""The search by rate, on a simulated server with a queue, by a clock of the test's own."""

import heapq
from collections import Counter
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from chaterload.judge.measure import ALL, Endpoint, EndpointStats, Snapshot, add_up
from chaterload.judge.objectives import Measure, Objective
from chaterload.judge.unanswered import as_slow_failures, limits_ms
from chaterload.load.rate_search import DRAIN_S, GROWS, RateCapacityShape
from chaterload.load.strategies import SearchLimits

WEIGHT = Endpoint("POST", "/manual_weight")
P95 = Objective(WEIGHT, Measure.named("p95"), 500.0)
LENIENT = Objective(WEIGHT, Measure.named("p95"), 60_000.0)


class World:
    """A server of so many workers with a fixed service time, single requests that arrive, and a clock."""

    def __init__(self, workers=2, service_s=0.05, seed=1):
        self.random, self.workers, self.service_s = Random(seed), workers, service_s
        self.now, self.rate, self.flying = 0.0, 0.0, []
        self.free_at = [0.0] * workers
        self.times: Counter[int] = Counter()
        self.asked: list[float] = []
        self.queues: list[int] = []
        self.is_dead = False

    def ask(self, rate):
        self.rate = rate

    def pass_time(self, seconds):
        end, at = self.now + seconds, self.now
        while self.rate and (at := at + self.random.expovariate(self.rate)) < end:
            begin = max(at, heapq.heappop(self.free_at))
            heapq.heappush(self.free_at, begin + self.service_s)
            heapq.heappush(self.flying, (float("inf") if self.is_dead else begin + self.service_s, at))
        while self.flying and self.flying[0][0] <= end:
            done, at = heapq.heappop(self.flying)
            self.times[round((done - at) * 1000)] += 1
        self.now = end

    def measure(self):
        answered = EndpointStats(self.times.total(), 0, Counter(self.times), sum(t * n for t, n in self.times.items()))
        ages = [(self.now - at) * 1000 for _, at in self.flying if (self.now - at) * 1000 > limits_ms([P95])[WEIGHT]]
        return Snapshot({WEIGHT: add_up([answered, as_slow_failures(ages)])}, self.now)

    def search(self, limits=None, objective=P95):
        shape: Any = RateCapacityShape(
            limits or SearchLimits(), [objective], self.measure, lambda: 10.0, lambda: len(self.flying)
        )
        shape.runner, shape.ask, shape.get_run_time = SimpleNamespace(user_count=1), self.ask, lambda: self.now
        while (tick := shape.tick()) is not None:
            assert tick == (1, 1.0)
            self.asked.append(self.rate)
            self.queues.append(len(self.flying))
            self.pass_time(1.0)
            assert self.now < 20_000, "the search does not end"
        return shape


@pytest.mark.parametrize(("workers", "service_s"), [(1, 0.025), (2, 0.05), (4, 0.05), (4, 0.025)])
def test_the_capacity_is_found(workers, service_s):
    """What it tells is 85 to 100 % of workers divided by service time, and never above."""
    capacity = workers / service_s
    for seed in range(5):
        found = World(workers, service_s, seed).search().found()
        assert 0.85 * capacity <= found.requests_per_second <= capacity, found
        assert found.requests_per_second <= found.asked_rps
        assert found.first_broken_rps > found.asked_rps
        assert found.limit == "the server"
        assert found.users == 0


def test_a_queue_that_grows_breaks_a_step_at_once():
    """Where no objective minds, requests in flight that keep growing end a step, and are what broke it."""
    world = World(2, 0.05)
    found = world.search(objective=LENIENT).found()
    assert found.broken == (GROWS,)
    assert 0.85 * 40 <= found.requests_per_second <= 40


def test_the_queue_is_empty_before_the_search_goes_on():
    """After a broken step nothing is asked for until every request is answered."""
    world = World(2, 0.05)
    world.search()
    pauses = [n for n, rate in enumerate(world.asked) if rate == 0]
    assert pauses
    for last in (n for n in pauses if n + 1 < len(world.asked) and world.asked[n + 1]):
        assert world.queues[last + 1] == 0
    assert all(world.asked[n + 1] < max(world.asked[: n + 1]) for n in pauses if n + 1 < len(world.asked))


def test_a_server_that_answers_nobody():
    """The first step is broken by requests without an answer, and a queue that never empties is not waited for."""
    world = World()
    world.is_dead = True
    shape = world.search(SearchLimits(seconds=1000))
    assert shape.found().requests_per_second == 0
    assert shape.found().asked_rps == 0
    assert world.asked.count(0.0) <= 5 * (DRAIN_S + 1)


def test_the_bounds():
    """A server without a limit is asked for the bound and not for more, in requests per second, or for the time."""
    world = World(1000, 0.05)
    shape = world.search(SearchLimits(most_users=25))
    assert max(world.asked) == 25
    assert shape.found().limit == "the search's bound of 25 req/s"
    short = World(1000, 0.05)
    assert short.search(SearchLimits(seconds=60)).found().limit == "the search's bound of 60 s"
    assert short.now == pytest.approx(60, abs=1)


def test_a_second_search_is_a_new_one():
    """Nothing of the first is left when Locust starts the shape again."""
    shape = World().search()
    shape.reset_time()
    found = shape.found()
    assert (shape.steps, found.asked_rps, found.first_broken_rps) == ([], 0, None)
    assert found.limit == "the end of the run"
    assert ALL.method == ""
