"""The capacity model serves so many at once, in the order of arrival."""

import gevent
import pytest

from chaterload.standin.workers import Workers


@pytest.mark.parametrize(("count", "most"), [(1, 1), (3, 3), (None, 8)])
def test_no_more_at_once_than_there_are_workers(count, most):
    """Of eight requests at most `count` are served together, and they begin as they came."""
    workers, inside, seen, order = Workers(count), set(), [], []

    def request(number):
        def seconds(_):
            inside.add(number)
            order.append(number)
            seen.append(len(inside))
            return 0.001

        with workers.one(seconds):
            inside.discard(number)

    gevent.joinall([gevent.spawn(request, number) for number in range(8)], raise_error=True)
    assert max(seen) == most
    assert order == list(range(8))


def test_a_worker_that_fails_is_free_again():
    """An error while serving does not cost a worker."""
    workers = Workers(1)
    with pytest.raises(KeyError), workers.one(lambda waiting: 0):
        raise KeyError
    with gevent.Timeout(5), workers.one(lambda waiting: 0):
        pass


def test_late_timers_do_not_cost_capacity():
    """Fifty requests of 2 ms take 100 ms by plan, however late each timer is."""
    workers, began = Workers(1), []

    def request():
        with workers.one(lambda waiting: 0.002) as at:
            began.append(at)

    gevent.joinall([gevent.spawn(request) for _ in range(50)], raise_error=True)
    assert began[-1] - began[0] == pytest.approx(49 * 0.002, abs=0.02)
