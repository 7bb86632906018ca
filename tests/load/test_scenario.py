"""The tags select the same tasks as Locust's own rule."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chaterload.load.scenario import need_account, selected, tags_of

ROOT = Path(__file__).resolve().parents[2]

STAND_IN_ROUTES = """
import json
import locustfile
from chaterload.load.scenario import calls_of, tags_of
from chaterload.standin.endpoints import ENDPOINTS

routes = {f"{endpoint.method} {endpoint.path}" for endpoint in ENDPOINTS}
tasks = {task.__name__: task for task in locustfile.ChaterUser.tasks}
print(json.dumps({name: [sorted(tags_of(t)), [str(c) for c in calls_of(t) if str(c) not in routes], len(calls_of(t))]
                  for name, t in tasks.items()}))
"""


def test_every_scenario_is_told():
    """Each task has a tag, says what it asks, which Chater UI has, and README's table has the tags and no others."""
    done = subprocess.run([sys.executable, "-c", STAND_IN_ROUTES], cwd=ROOT, capture_output=True, text=True, check=True)
    tasks = json.loads(done.stdout.splitlines()[-1])
    assert {name: unknown for name, (_, unknown, _) in tasks.items() if unknown} == {}
    assert all(tags and calls for tags, _, calls in tasks.values()), tasks
    table = (ROOT / "README.md").read_text().partition("| tag | what a user does |")[2].partition("\n\n")[0]
    told = {row.split("|")[1].strip() for row in table.splitlines()[2:]}
    assert told == {tag for tags, _, _ in tasks.values() for tag in tags}


# In a process of its own: importing Locust patches sockets and threads for good.
COMPARE = """
from locust import User, tag, task
from locust.env import Environment
import itertools, json, logging
from argparse import Namespace
from chaterload.load.scenario import selected

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
