"""A simulation: whoever else uses the account, no dish but a run's own is ever changed or deleted."""

import random

import pytest

from chaterload.chater.account_dishes import AccountDishes
from chaterload.chater.dishes import Trace
from chaterload.chater.times import SHARE, SecondsOfDay

from .simulation import NOON_MS, Process, Server, interleave

SHARED = "shared@example.com"


class RemoteSeconds:
    """What a worker knows of the seconds that its master hands out."""

    def __init__(self, master: SecondsOfDay) -> None:
        self.key = master.key
        self.take = master.take

    def may_be_taken(self, day: int, second: int) -> bool:
        return True


def two_runs(flows: int, users: int) -> tuple[Server, list[Process]]:
    """Two runs of one process each, on one account, from its first list to the end of the clean-up."""
    server = Server()
    runs = [Process(server, SecondsOfDay(), [SHARED], run) for run in ("one", "two")]
    interleave([run.user(SHARED, flows // users) for run in runs for _ in range(users)], seed=1)
    for run in runs:
        run.clean_up()
    return server, runs


def left_on(server: Server) -> int:
    return sum(len(dishes) for dishes in server.dishes.values())


def listed_as_left(processes: list[Process]) -> set[int]:
    return {entry.time for process in processes for entry in process.index.leftovers()}


def test_two_runs_on_one_account():
    """Each sees that it is not alone, touches nothing of the other, stops, and lists all that it leaves."""
    server, runs = two_runs(flows=10_000, users=40)
    assert server.touched == []
    assert all(run.accounts[SHARED].contested for run in runs)
    assert left_on(server) <= 2 * 40
    assert {time for dishes in server.dishes.values() for time in dishes} <= listed_as_left(runs)
    assert {entry.trace for run in runs for entry in run.index.leftovers()} <= {Trace.DOUBTFUL}
    assert not any(run.writes.missing() for run in runs)


@pytest.mark.parametrize("flows", [1000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_two_runs_that_do_not_notice_each_other(monkeypatch: pytest.MonkeyPatch, flows: int):
    """Were they blind to each other, they would not touch the other's dishes either, and leave none."""
    monkeypatch.setattr(AccountDishes, "contested", False)
    server, runs = two_runs(flows, users=10)
    assert (server.touched, server.lost, left_on(server), listed_as_left(runs)) == ([], 0, 0, set())
    assert sum(run.writes.deletes.confirmed for run in runs) == 2 * flows
    assert not any(run.writes.missing() for run in runs)


def workers(number: int, flows: int, *, restarts: int, own_accounts: bool) -> tuple[Server, list[Process]]:
    """Workers of one run, some of which are killed in mid-flow and replaced; those that are left clean up."""
    server, seconds, order = Server(), SecondsOfDay(), random.Random(2)
    emails = [f"{n}@example.com" if own_accounts else SHARED for n in range(number)]
    processes = [Process(server, RemoteSeconds(seconds), [email], "run") for email in emails]
    users = [process.user(email, flows) for process, email in zip(processes, emails, strict=True)]
    for _ in range(restarts):
        interleave_for(users, 2 * number, order)
        at = order.randrange(number)
        processes[at] = Process(server, RemoteSeconds(seconds), [emails[at]], "run")
        users[at] = processes[at].user(emails[at], flows)
    interleave(users, seed=3)
    for process in processes:
        process.clean_up()
    return server, processes


def interleave_for(users, steps, order):
    for _ in range(steps):
        next(order.choice(users), None)


@pytest.mark.parametrize(
    ("number", "flows", "own_accounts"),
    [
        (100, 20, True),
        (20, 20, False),
        pytest.param(100, 1000, True, marks=pytest.mark.slow),
        pytest.param(100, 200, False, marks=pytest.mark.slow),
    ],
)
def test_workers_with_restarts(number, flows, own_accounts):
    """No two workers share a time, nobody takes a colleague for a stranger, and only the killed leave dishes."""
    server, processes = workers(number, flows, restarts=20, own_accounts=own_accounts)
    assert (server.touched, server.lost) == ([], 0)
    assert not any(account.contested for process in processes for account in process.accounts.values())
    assert 0 < left_on(server) <= 20
    assert listed_as_left(processes) == set()


def test_somebody_eats_during_the_run():
    """A dish that somebody adds at any moment is never touched; it is noticed, but for one worker in SHARE."""
    noticed = 0
    for seed in range(100):
        server, order = Server(), random.Random(seed)
        server.dishes[SHARED] = {NOON_MS - 1000 * n: ["somebody", 100] for n in range(50)}
        process = Process(server, RemoteSeconds(SecondsOfDay()), [SHARED], "run")
        users = [process.user(SHARED, 10) for _ in range(3)]
        interleave_for(users, order.randrange(10, 60), order)
        server.photo(SHARED, NOON_MS + order.randrange(1_000_000), "somebody")
        interleave(users, seed)
        process.clean_up()
        assert server.touched == []
        assert sum(dish[0] == "somebody" for dish in server.dishes[SHARED].values()) == 51
        assert {time for time, dish in server.dishes[SHARED].items() if dish[0] == "run"} == listed_as_left([process])
        noticed += process.accounts[SHARED].contested
    assert noticed >= 100 * (1 - 4 / SHARE)
