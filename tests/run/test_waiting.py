"""A master waits for its workers, in the process of the test."""

from types import SimpleNamespace
from typing import Any

import pytest

from chaterload.exits import Exit
from chaterload.run import waiting
from chaterload.run.waiting import await_workers


class Master:
    """Whose workers come and go as a test tells: how many are there, and how many of them answered, at each check."""

    def __init__(self, here: int, *ready: int) -> None:
        self.here, self._ready = here, list(ready)
        self.told_to_quit = False

    def workers(self) -> set[str]:
        return {str(number) for number in range(self.here)}

    def wait_for(self, is_here: Any, seconds: float) -> bool:
        return bool(is_here(self.workers()))

    def ready(self) -> int:
        return self._ready.pop(0)

    def quit_workers(self) -> None:
        self.told_to_quit = True


class Controller:
    """Notes what is asked of it."""

    def __init__(self, expected: int, patience_s: float) -> None:
        self.expected_workers = expected
        self.options = SimpleNamespace(expect_workers_max_wait=patience_s)
        self.environment = SimpleNamespace(host=None)
        self.did: list[str] = []

    def begin(self, users: int, host: str | None) -> None:
        self.did.append("begin")

    def abandon(self) -> None:
        self.did.append("abandon")

    def conclude_without_run(self, why: str) -> None:
        self.did.append(why)

    def show(self) -> None:
        self.did.append("show")


@pytest.fixture(autouse=True)
def _one_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "planned_users", lambda _: 1)


def test_a_worker_that_leaves_during_the_check_is_waited_for() -> None:
    """A run of two starts with two that answered, and not with the one that is left of them."""
    controller: Any = Controller(2, 5)
    master: Any = Master(2, 1, 1, 2)
    await_workers(controller, master)
    assert controller.did == ["begin", "abandon", "begin", "abandon", "begin"]
    assert not master.told_to_quit


def test_workers_that_do_not_come() -> None:
    """Those that never come end the start as invalid, with a report, and those that came end too."""
    controller: Any = Controller(2, 0.01)
    master: Any = Master(1)
    with pytest.raises(SystemExit) as ended:
        await_workers(controller, master)
    assert ended.value.code == Exit.INVALID
    assert controller.did == ["1 of 2 expected workers came within 0 s", "show"]
    assert master.told_to_quit
