"""The capacity model serves so many at once, in the order of arrival."""

import gevent
import pytest

from chaterload.standin.workers import Workers


@pytest.mark.parametrize(("count", "most"), [(1, 1), (3, 3), (None, 8)])
def test_no_more_at_once_than_there_are_workers(count, most):
    """Of eight requests at most `count` are served together, and they begin as they came."""
    workers, inside, seen, order = Workers(lambda: count), set(), [], []

    def request(number):
        with workers.one() as turn:
            inside.add(number)
            order.append(number)
            seen.append(len(inside))
            turn.work(0.001)
            inside.discard(number)

    gevent.joinall([gevent.spawn(request, number) for number in range(8)], raise_error=True)
    assert max(seen) == most
    assert order == list(range(8))


def test_a_worker_that_fails_is_free_again():
    """An error while serving does not cost a worker."""
    workers = Workers(lambda: 1)
    with pytest.raises(KeyError), workers.one():
        raise KeyError
    with gevent.Timeout(5), workers.one():
        pass


def test_late_timers_do_not_cost_capacity():
    """Fifty requests of 2 ms take 100 ms by plan, however late each timer is."""
    workers, began = Workers(lambda: 1), []

    def request():
        with workers.one() as turn:
            began.append(turn.began)
            turn.work(0.002)

    gevent.joinall([gevent.spawn(request) for _ in range(50)], raise_error=True)
    assert began[-1] - began[0] == pytest.approx(49 * 0.002, abs=0.02)


def test_a_limit_that_is_lifted_lets_all_of_the_queue_in():
    """Workers may get more, or no limit any more, while requests wait."""
    limit: list[int | None] = [1]
    inside: list[float] = []
    workers = Workers(lambda: limit[0])

    def request(seconds):
        with workers.one():
            inside.append(seconds)
            gevent.sleep(seconds)

    first = gevent.spawn(request, 0.05)
    others = [gevent.spawn(request, 0.2) for _ in range(3)]
    gevent.sleep(0.01)
    assert len(inside) == 1
    limit[0] = None
    first.join()
    gevent.sleep(0.01)
    assert len(inside) == 4
    gevent.joinall(others, raise_error=True)
