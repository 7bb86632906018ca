"""The tab of the web UI."""

import json

import pytest

from chaterload.report.tab import KEY, TABLES, TABS, extended_stats

from .conftest import make_report

COLUMNS = ("objective", "limit", "measured", "requests", "state", "margin")


def test_before_any_run():
    """Before the first run the tab is there, and empty."""
    assert extended_stats(None, running=False) == [{"key": KEY, "data": []}]
    assert [{"key": KEY, "structure": [{"key": key, "title": key.capitalize()} for key in COLUMNS]}] == TABLES
    assert [tab["key"] for tab in TABS] == [table["key"] for table in TABLES] == [KEY]


def test_rows_fit_the_columns(any_report):
    """Each row has a text for each column, and nothing else."""
    (stats,) = json.loads(json.dumps(extended_stats(any_report.verdict, running=True)))
    columns = set(COLUMNS)
    assert len(stats["data"]) == len(any_report.verdict.results) + 2  # the longest silence, and the verdict
    for row in stats["data"]:
        assert row.keys() == columns
        assert all(isinstance(value, str) for value in row.values())


def test_a_row():
    """A row says what was expected, what was measured, and by how much it was missed."""
    (stats,) = extended_stats(make_report(weight_ms=900).verdict, running=True)
    assert stats["data"][0] == {
        "objective": "POST /manual_weight p95",
        "limit": "below 500 ms",
        "measured": "900 ms",
        "requests": "120",
        "state": "✗ missed",
        "margin": "-80 %",
    }
    assert stats["data"][3]["limit"] == "at least 5.0 req/s"


@pytest.mark.parametrize(("running", "text"), [(True, "So far: FAIL"), (False, "Verdict: FAIL")])
def test_the_last_row(running, text):
    """The last row is the verdict so far while a run goes on, and the verdict after it, with its reasons."""
    verdict = make_report(weight_ms=900).verdict
    (stats,) = extended_stats(verdict, running=running)
    assert (stats["data"][-1]["objective"], stats["data"][-1]["margin"]) == (text, verdict.reasons[0])
