"""Which tasks a run's tags select, and what those need. Pure."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

NEEDS_NO_ACCOUNT = "auth"
"""The tag of tasks that sign in, and so need no token beforehand."""

Task = Callable[..., Any]


def tags_of(task: Task) -> set[str]:
    """What @tag put on a task."""
    return set(getattr(task, "locust_tag_set", ()))


def selected(tasks: Iterable[Task], tags: Sequence[str] | None, exclude: Sequence[str] | None) -> list[Task]:
    """The tasks that --tags and --exclude-tags leave, by Locust's rule: one tag of the first, none of the second."""
    return [
        task
        for task in dict.fromkeys(tasks)
        if (not tags or tags_of(task) & set(tags)) and not tags_of(task) & set(exclude or ())
    ]


def need_account(tasks: Iterable[Task]) -> bool:
    """Whether any of the tasks has to be signed in."""
    return any(NEEDS_NO_ACCOUNT not in tags_of(task) for task in tasks)
