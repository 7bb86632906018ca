"""A spike's end is followed until the answers are as before, where there was anything to recover from."""

from collections import Counter

import pytest

from chaterload.judge.dependence import measure_dependence
from chaterload.judge.history import Batch, Step
from chaterload.judge.measure import Endpoint, EndpointStats, Snapshot
from chaterload.judge.recovery import Recovery, read_recovery

SPIKE = (60.0, 120.0)
TODAY = Endpoint("GET", "/eater_get_today")


def window(ms, requests=100, failures=0):
    times = Counter(round(ms * (0.8 + 0.4 * number / 100)) for number in range(requests))
    return Snapshot({TODAY: EndpointStats(requests, failures, times)}, 3.0)


def step(users, begin, end, ms, failures=lambda at: 0, requests=100):
    """A step with a batch every 3 s; `ms` and `failures` are of the time."""
    batches = [Batch(at, window(ms(at), requests, failures(at))) for at in range(int(begin) + 3, int(end) + 1, 3)]
    whole = batches[0].window
    for batch in batches[1:]:
        whole = whole.joined(batch.window)
    return Step(users, begin, whole, batches)


def recovery(after, during=2000.0, before=100.0, failing=lambda at: 0):
    """The run before, in and after a spike; `after` and `failing` are functions of the time since its end."""
    steps = [
        step(10, 0, 57, lambda at: before),
        step(100, 60, 117, lambda at: during),
        step(10, 120, 240, lambda at: after(at - 120), lambda at: failing(at - 120)),
    ]
    return read_recovery(steps, SPIKE, measure_dependence(steps))


@pytest.mark.parametrize("drained_s", [0, 12, 60])
def test_recovery(drained_s):
    """Recovery lasts until the answers are as quick as before, within one batch."""
    found = recovery(lambda t: 1500.0 if t <= drained_s else 110.0)
    assert found.needed
    assert found.seconds == pytest.approx(drained_s, abs=3)


def test_no_recovery():
    """Answers that stay slower by more than a quarter never were as before."""
    assert recovery(lambda t: 150.0) == Recovery(needed=True)
    assert recovery(lambda t: 120.0).seconds == 0


def test_one_quick_batch_is_no_recovery():
    """It takes two batches in a row."""
    assert recovery(lambda t: 100.0 if t == 30 else 900.0) == Recovery(needed=True)


def test_milliseconds_are_no_slowness():
    """A server that took 4 ms before and 9 ms in the spike has nothing to recover from."""
    assert recovery(lambda t: 9.0, during=9.0, before=4.0) == Recovery(needed=False)


def test_a_server_that_refuses_everything_has_not_recovered():
    """Quick failures are no recovery, until they are as rare as before."""
    found = recovery(lambda t: 50.0, failing=lambda t: 100 if t < 60 else 1)
    assert found.seconds == pytest.approx(60, abs=3)


def test_some_that_stay_slow():
    """Where one request in four is still slow, the others' being quick is no recovery."""
    steps = [
        step(10, 0, 57, lambda at: 100.0),
        step(100, 60, 117, lambda at: 2000.0),
        step(10, 120, 240, lambda at: 100.0),
    ]
    slow = {TODAY: EndpointStats(100, 0, {100: 75, 2000: 25})}
    batches = [Batch(batch.end, Snapshot(slow, 3.0)) for batch in steps[2].batches]
    half_well = [*steps[:2], Step(10, 120, steps[2].window, batches)]
    assert read_recovery(half_well, SPIKE, measure_dependence(steps)) == Recovery(needed=True)


def test_a_server_that_answers_nobody_has_not_recovered():
    """Batches without an answer are no recovery."""
    steps = [step(10, 0, 57, lambda at: 100.0), step(100, 60, 117, lambda at: 2000.0)]
    silent = Step(10, 120, Snapshot({}, 60.0), [Batch(123, Snapshot({}, 3.0)), Batch(126, Snapshot({}, 3.0))])
    for run in ([*steps, silent], steps):
        assert read_recovery(run, SPIKE, measure_dependence(run)) == Recovery(needed=True)


def test_nothing_to_compare_with():
    """Where nothing was measured before the spike or in it, nothing is known."""
    before, during = step(10, 0, 57, lambda at: 100.0), step(100, 60, 117, lambda at: 900.0)
    for steps in ([], [before], [during]):
        assert read_recovery(steps, SPIKE, measure_dependence(steps)) == Recovery(needed=None)
