"""Which tasks a run's tags select, and what those ask and need."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from chaterload.chater.routes import Route
from chaterload.internals import tags_of
from chaterload.judge.measure import Endpoint

NEEDS_NO_ACCOUNT = "auth"
"""The tag of tasks that sign in, and so need no token beforehand."""

ONLY_BY_NAME = {"health_level"}
"""The tags of tasks that run only where --tags names them: not every Chater UI has the endpoint."""

Task = Callable[..., Any]
T = TypeVar("T", bound=Task)


_calls: dict[Task, tuple[Endpoint, ...]] = {}


def calls(*routes: Route[Any]) -> Callable[[T], T]:
    """Say which routes a task asks, so that an objective knows whether it has to have data."""

    def decorate(task: T) -> T:
        _calls[task] = tuple(Endpoint(route.method, route.path) for route in routes)
        return task

    return decorate


def asked(tasks: Iterable[Task]) -> set[Endpoint]:
    """The endpoints that the tasks say they ask."""
    return {endpoint for task in tasks for endpoint in calls_of(task)}


def calls_of(task: Task) -> tuple[Endpoint, ...]:
    """What @calls put on a task."""
    return _calls.get(task, ())


def excluded_tags(tags: Sequence[str] | None, exclude: Sequence[str] | None) -> list[str]:
    """The tags to leave out: those that --exclude-tags names, and those that --tags would have to name and does not."""
    return sorted({*(exclude or ()), *(ONLY_BY_NAME - set(tags or ()))})


def need_account(tasks: Iterable[Task]) -> bool:
    """Whether any of the tasks has to be signed in."""
    return any(NEEDS_NO_ACCOUNT not in tags_of(task) for task in tasks)
