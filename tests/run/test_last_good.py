"""The last good run is looked for where runs are kept, among those that are like this one."""

import json
from argparse import Namespace

import pytest

from chaterload.exits import Refused
from chaterload.report.model import to_json
from chaterload.run.last_good import last_good_run
from tests.report.conftest import make_report

HOST = "http://127.0.0.1:5000"


def options(tmp_path, **changed):
    given = {
        "headless": True,
        "strategy": None,
        "num_users": 20,
        "tags": ["full_flow"],
        "exclude_tags": None,
        "rate": "",
    }
    return Namespace(**({"results": str(tmp_path), "stand_in": False, "rate": ""} | given | changed))


@pytest.fixture
def kept(tmp_path):
    """The folder of a run that passed, with 20 users."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "verdict.json").write_text(json.dumps(to_json(make_report())))
    return tmp_path / "run"


def test_it_is_found(tmp_path, kept):
    """A run of the same kind is the baseline."""
    assert last_good_run(options(tmp_path), HOST) == kept


@pytest.mark.parametrize(
    "changed", [{"num_users": 10}, {"strategy": "load"}, {"tags": []}, {"stand_in": True}, {"rate": "9"}]
)
def test_others_are_not(tmp_path, kept, changed):
    """A run of another kind is none, and neither is one of other users where no strategy says how many."""
    assert last_good_run(options(tmp_path, **changed), HOST) is None


@pytest.mark.parametrize(("rate", "is_alike"), [("75", True), ("4500/m", True), ("100", False), ("", False)])
def test_a_run_by_rate(tmp_path, rate, is_alike):
    """Of a run by rate, the rate has to be the same, however it is written; its users do not count."""
    (tmp_path / "run").mkdir()
    document = {**to_json(make_report()), "rate": {"asked_rps": 74.6}}
    (tmp_path / "run" / "verdict.json").write_text(json.dumps(document))
    assert bool(last_good_run(options(tmp_path, rate=rate), HOST)) == is_alike


@pytest.mark.parametrize(("name", "value"), [("results", None), ("headless", False)])
def test_refused(tmp_path, name, value):
    """Without a folder, or with a form, nobody can say which one it would be."""
    with pytest.raises(Refused, match=f"given without --{name}"):
        last_good_run(options(tmp_path, **{name: value}), HOST)
