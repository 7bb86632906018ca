"""The tags select the same tasks as Locust's own rule."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chaterload.scenario import need_account, selected, tags_of

ROOT = Path(__file__).resolve().parents[1]

# In a process of its own: importing Locust patches sockets and threads for good.
COMPARE = """
from locust import User, tag, task
from locust.env import Environment
import itertools, json, logging
from argparse import Namespace
from chaterload.scenario import selected

logging.disable(logging.WARNING)

def make():
    class Someone(User):
        @tag("a")
        @task(2)
        def first(self): ...

        @tag("a", "b")
        @task
        def second(self): ...

        @tag("c")
        @task
        def third(self): ...

        @task
        def untagged(self): ...

    return Someone

TAGS = [None, *(list(some) for size in range(4) for some in itertools.combinations(["a", "b", "c", "other"], size))]
answers = []
for tags, exclude in itertools.product(TAGS, TAGS):
    user = make()
    ours = selected(user.tasks, tags, exclude)
    Environment(user_classes=[user], parsed_options=Namespace(tags=tags, exclude_tags=exclude))._filter_tasks_by_tags()
    theirs = list(dict.fromkeys(user.tasks))
    answers.append([tags, exclude, [task.__name__ for task in ours], [task.__name__ for task in theirs]])
print(json.dumps(answers))
"""


def test_same_selection_as_locust():
    """For each combination of --tags and --exclude-tags, our selection is Locust's."""
    done = subprocess.run([sys.executable, "-c", COMPARE], cwd=ROOT, capture_output=True, text=True, check=True)
    answers = json.loads(done.stdout)
    assert len(answers) > 200
    assert [answer for answer in answers if answer[2] != answer[3]] == []
    assert len({tuple(answer[2]) for answer in answers}) > 8


def tagged(*tags):
    def a_task(): ...

    if tags:
        a_task.locust_tag_set = set(tags)  # type: ignore[attr-defined]  # as @tag does
    return a_task


@pytest.mark.parametrize(
    ("tags", "expected"),
    [([], False), ([("auth",)], False), ([("auth", "more")], False), ([("auth",), ("full_flow",)], True), ([()], True)],
)
def test_what_needs_an_account(tags, expected):
    """Every task needs an account but those that sign in."""
    assert need_account(tagged(*some) for some in tags) is expected


def test_a_task_of_weight_two_is_one_task():
    """Locust lists a task once for each of its weight; here it counts once, in order."""
    first, second = tagged("a"), tagged("b")
    assert selected([first, first, second, first], None, None) == [first, second]
    assert (tags_of(first), tags_of(tagged())) == ({"a"}, set())
