"""Fixtures for all tests: a clean environment, and the house rule that each test says what it shows."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

# Locust would patch sockets and threads of all tests, for good; the processes that tests start are patched as ever.
with pytest.MonkeyPatch.context() as patch:
    patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")
    import locust.log

from tests.support.warm import end_warm_processes

# Some processes do start cold: none of them should compile our modules anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

settings.register_profile("usual", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("nightly", max_examples=10_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "usual"))

OWN_VARIABLES = ("TEST_", "LOCUST_", "TARGET_HOST", "EATER_TARGET_HOST")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a test without a docstring; give each of several workers its share of the process tests, and those first.

    They wait more than they compute, so that a worker has the quick ones to give away while the last of them wait.
    """
    silent = [item.nodeid for item in items if not getattr(getattr(item, "function", None), "__doc__", None)]
    if silent:
        raise pytest.UsageError("Each test says in one sentence what it shows. Silent: " + ", ".join(silent))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    slow = [item for item in items if item.path.parent.name in ("e2e", "faults")]
    quick = [item for item in items if item.path.parent.name not in ("e2e", "faults")]
    items[:] = [item for n in range(workers) for tests in (slow, quick) for item in _share(tests, n, workers)]


def _share(tests: list[pytest.Item], number: int, of: int) -> list[pytest.Item]:
    return tests[len(tests) * number // of : len(tests) * (number + 1) // of]


@pytest.fixture(scope="session", autouse=True)
def no_warm_process_is_left() -> Iterator[None]:
    """What tests forked from has ended when they have."""
    yield
    end_warm_processes()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the developer's own reaches a test, nor does a greenlet that crashed in an earlier one."""
    monkeypatch.setattr(locust.log, "unhandled_greenlet_exception", False)
    for name in list(os.environ):
        if name.startswith(OWN_VARIABLES):
            monkeypatch.delenv(name)
