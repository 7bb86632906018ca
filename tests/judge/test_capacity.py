"""A step of a capacity search is judged when its figures have settled and are enough, and not before."""

import random
from collections import Counter
from typing import Any

import pytest

from chaterload.judge.capacity import by_rate, is_stable, judged_step, read_capacity
from chaterload.judge.history import Step
from chaterload.judge.measure import ALL, Endpoint, EndpointStats, Snapshot, add_up
from chaterload.judge.objectives import Measure, Objective

WEIGHT, MODIFY = Endpoint("POST", "/manual_weight"), Endpoint("POST", "/modify_food_record")
P95 = Objective(WEIGHT, Measure.named("p95"), 500.0)


def read_step(*args: Any, **kwargs: Any) -> Any:
    """What `judged_step` found, which the tests know to be there."""
    return judged_step(*args, **kwargs)


def window(requests, ms=300, failures=0, seconds=10.0, endpoint=WEIGHT):
    return Snapshot(
        {endpoint: EndpointStats(requests, failures, {ms: requests}, float(requests * ms), float(ms))}, seconds
    )


def marks(*windows):
    """Snapshots at the ends of windows one after the other, and one at their beginning."""
    so_far, found = Snapshot({}, 0.0), [Snapshot({}, 0.0)]
    for each in windows:
        so_far = so_far.joined(each)
        found.append(so_far)
    return found


def poisson(rng, mean):
    """A count of what arrives by chance, `mean` on average."""
    at, count = rng.expovariate(mean), 0
    while at < 1:
        at, count = at + rng.expovariate(mean), count + 1
    return count


@pytest.mark.parametrize("requests", [15, 100, 1_000])
def test_noise_is_stable(requests):
    """Of windows that differ by chance alone, at least 95 of 100 pairs are stable."""
    rng = random.Random(5)
    pairs = [[window(poisson(rng, requests), round(rng.gauss(300, 8))) for _ in range(2)] for _ in range(200)]
    assert sum(is_stable(*pair) for pair in pairs) >= 190


@pytest.mark.parametrize(
    ("before", "after", "stable"),
    [
        ((100, 300), (100, 300), True),
        ((100, 300), (100, 361), False),  # a queue that grows
        ((100, 700), (100, 300), True),  # one that has drained
        ((100, 5), (100, 24), True),  # 20 ms are nothing
        ((1000, 300), (1200, 300), False),  # throughput that still rises
        ((100_000, 300), (104_000, 300), True),  # within 5 %
        ((0, 1), (0, 1), True),  # nobody is answered, and that stays so
    ],
)
def test_what_is_stable(before, after, stable):
    """Two windows agree when requests differ by chance or 5 %, and the later p95 is not a fifth or 20 ms higher."""
    assert is_stable(window(*before), window(*after)) is stable


@pytest.mark.parametrize(
    ("windows", "judged"),
    [
        ([(100,)], None),  # nothing to compare it with
        ([(100,), (100,)], 200),
        ([(9,), (10,)], None),  # 19 of 20
        ([(10,), (10,)], 20),
        ([(5,), (5,), (5,), (5,)], 20),  # longer windows, as many as it takes
        ([(100, 100), (100, 200), (100, 400)], None),  # not settled
        ([(100, 700), (100, 100), (100, 100)], 200),  # without what came before it settled
        ([(100,), (100, 5_000), (100,), (100,)], 200),  # a pause is passed over
        ([(0,), (0,)], 0),  # nobody is answered
        ([(100, 900), (100, 900)], 200),  # beyond chance
    ],
)
def test_when_a_step_is_judged(windows, judged):
    """A step is judged by the last windows that agree and have 20 requests for a p95, or at once when it is lost."""
    step = read_step(10, marks(*(window(*each) for each in windows)), [P95], is_last=False)
    assert (step.window.total.requests if step else None) == judged


def mixed(slow, quick, endpoint=WEIGHT):
    return Snapshot({endpoint: EndpointStats(slow + quick, 0, {900: slow, 100: quick}, 0.0, 900.0)}, 10.0)


def test_a_miss_that_chance_explains_is_seen_twice():
    """A p95 a little above its limit is believed when as many windows before it had it too."""
    once = [mixed(6, 94), mixed(6, 94)]
    assert read_step(10, marks(*once), [P95], is_last=False) is None
    assert read_step(10, marks(*once, *once), [P95], is_last=False).window.total.requests == 200
    assert read_step(10, marks(*once), [P95], is_last=False, is_late=True).window.total.requests == 200
    assert read_step(10, marks(mixed(0, 100), mixed(0, 100), *once), [P95], is_last=False) is None


def test_the_last_moment():
    """When its time is over, a step is judged by what there is, with what was too little named."""
    step = read_step(10, marks(window(5), window(5)), [P95], is_last=True)
    assert step.window.total.requests == 10
    found = read_capacity([step], step, None, [P95], "the server")
    assert found.unproven == ("POST /manual_weight p95 (10 of 20 requests)",)


def test_each_objective_has_its_requests():
    """The rarest endpoint decides how long a step takes; one that nobody ever asked does not."""
    objectives = [P95, Objective(MODIFY, Measure.named("p95"), 1000.0)]
    both = [window(100).joined(Snapshot(window(4, endpoint=MODIFY).endpoints, 0.0)) for _ in range(6)]
    assert read_step(10, marks(*both[:4]), objectives, is_last=False) is None
    assert read_step(10, marks(*both), objectives, is_last=False).window.endpoints[MODIFY].requests == 24
    assert read_step(10, marks(window(100), window(100)), objectives, is_last=False) is not None


def test_the_interval_holds_what_the_server_can_do():
    """Of 300 searches that end on a server of 80 requests per second, at least 297 intervals hold the 80."""
    held = 0
    for seed in range(300):
        rng = random.Random(seed)
        step = read_step(40, marks(*(window(poisson(rng, 800)) for _ in range(2))), [], is_last=True)
        low, high = read_capacity([step], step, None, [], "the server").interval_rps
        held += low <= 80 <= high
    assert held >= 297


def test_a_search_without_a_step_that_passed():
    """Where even the first step failed, the capacity is nothing, and what failed is named."""
    broken = Step(10, 0.0, window(100, 900))
    found = read_capacity([broken], None, broken, [P95, Objective(ALL, Measure.named("maximum"), 1e6)], "the server")
    assert (found.users, found.requests_per_second, found.interval_rps) == (0, 0.0, (0.0, 0.0))
    assert (found.first_broken_users, found.broken) == (10, ("POST /manual_weight p95",))


@pytest.mark.parametrize(
    ("requests", "asked", "told"), [(1601, 170, 160.0), (1601, 158, 158.0), (87, 9, 8.7), (6, 1, 0.6)]
)
def test_a_capacity_by_rate_is_rounded_down(requests, asked, told):
    """What the ends of a window add is not told: never more than was asked for, or than a whole request per second."""
    step = Step(asked, 0.0, window(requests))
    found = by_rate(read_capacity([step], step, None, [], "the server"), step, None)
    assert (found.requests_per_second, found.asked_rps) == (told, asked)


def test_windows_add_up():
    """The windows of a step are its batches, and all of its requests are in them."""
    step = read_step(10, marks(*(window(30, ms) for ms in (100, 110, 105))), [P95], is_last=True)
    assert add_up(batch.window.total for batch in step.batches).times == Counter(step.window.total.times)
