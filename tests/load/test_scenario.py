"""What the tags select, and what it needs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chaterload.load.scenario import excluded_tags, need_account

ROOT = Path(__file__).resolve().parents[2]

STAND_IN_ROUTES = """
import json
import locustfile
from chaterload.internals import tags_of
from chaterload.judge.measure import Endpoint, EndpointStats, Snapshot
from chaterload.judge.reach import why_never_reached
from chaterload.load.scenario import calls_of
from chaterload.standin.endpoints import ENDPOINTS

routes = {f"{endpoint.method} {endpoint.path}" for endpoint in ENDPOINTS}
tasks = {task.__name__: task for task in locustfile.ChaterUser.tasks}
print(json.dumps({name: [sorted(tags_of(t)), [str(c) for c in calls_of(t) if str(c) not in routes], len(calls_of(t))]
                  for name, t in tasks.items()}))
no_list = Snapshot({Endpoint("GET", "/eater_get_today"): EndpointStats(3, 3, {10: 3})}, 10.0)
print(why_never_reached(Endpoint("POST", "/eater_receive_photo"), no_list, [calls_of(locustfile.ChaterUser.full_flow)]))
"""


def test_every_scenario_is_told():
    """Each task has a tag, says what it asks and in which order, and docs/scenarios.md has the tags and no others."""
    done = subprocess.run([sys.executable, "-c", STAND_IN_ROUTES], cwd=ROOT, capture_output=True, text=True, check=True)
    *_, described, no_photo = done.stdout.splitlines()
    assert no_photo == "GET /eater_get_today always failed"
    tasks = json.loads(described)
    assert {name: unknown for name, (_, unknown, _) in tasks.items() if unknown} == {}
    assert all(tags and calls for tags, _, calls in tasks.values()), tasks
    table = (ROOT / "docs/scenarios.md").read_text().partition("| tag | what a user does |")[2].partition("\n\n")[0]
    told = {row.split("|")[1].strip() for row in table.splitlines()[2:]}
    assert told == {tag for tags, _, _ in tasks.values() for tag in tags}


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


@pytest.mark.parametrize(
    ("tags", "exclude", "excluded_endpoints"),
    [
        (None, None, ["health_level"]),
        ([], ["auth"], ["auth", "health_level"]),
        (["full_flow"], [], ["health_level"]),
        (["full_flow", "health_level"], ["auth"], ["auth"]),
        (["health_level"], ["health_level"], ["health_level"]),
    ],
)
def test_what_runs_only_by_name(tags, exclude, excluded_endpoints):
    """health_level is left out wherever --tags does not name it, and --exclude-tags still goes before."""
    assert excluded_tags(tags, exclude) == excluded_endpoints
