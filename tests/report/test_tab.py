"""The tab of the web UI."""

import json
from typing import Any

from chaterload.judge.lateness import Arrivals, RateFigures
from chaterload.judge.verdict import Evidence, Verdict
from chaterload.report.formats import FORMATS
from chaterload.report.tab import DOWNLOADS, KEY, MOST_REASONS, TABLES, TABS, Moment, extended_stats

from .conftest import make_report

COLUMNS = ("objective", "state", "measured", "limit", "margin", "requests")


def rows_of(verdict: Verdict, **more: Any) -> list[dict[str, str]]:
    """The tab's rows, as JSON carries them."""
    (stats,) = json.loads(json.dumps(extended_stats(Moment(verdict, **more))))
    assert stats["key"] == KEY
    rows: list[dict[str, str]] = stats["data"]
    return rows


def sentence(text: str) -> dict[str, str]:
    """A row of one cell."""
    return dict.fromkeys(COLUMNS, "") | {"objective": text}


def test_before_any_run() -> None:
    """Before the first run the tab is there, and empty; the state stands beside the objective."""
    assert extended_stats(None) == [{"key": KEY, "data": []}]
    assert [{"key": KEY, "structure": [{"key": key, "title": key.capitalize()} for key in COLUMNS]}] == TABLES
    assert [tab["key"] for tab in TABS] == [table["key"] for table in TABLES] == [KEY]


def test_rows_fit_the_columns(any_report: Any) -> None:
    """Each row has a text for each column, and nothing else: verdict, reasons, what waits, and objectives."""
    verdict = any_report.verdict
    rows = rows_of(verdict)
    assert len(rows) == 1 + len(verdict.reasons) + 1 + len(verdict.results)
    for row in rows:
        assert row.keys() == set(COLUMNS)
        assert all(isinstance(value, str) for value in row.values())


def test_an_objective() -> None:
    """A row says what was expected, what was measured, and by how much it was missed."""
    rows = rows_of(make_report(weight_ms=900).verdict)
    assert rows[3] == {
        "objective": "POST /manual_weight p95",
        "state": "✗ missed",
        "measured": "900 ms",
        "limit": "below 500 ms",
        "margin": "-80 %",
        "requests": "120",
    }
    assert rows[6]["limit"] == "at least 5.0 req/s"


def test_the_first_rows() -> None:
    """The first row is the verdict so far while a run goes on, and the verdict after it; its reasons come next."""
    report = make_report(weight_ms=900)
    reason = sentence(report.verdict.reasons[0])
    assert rows_of(report.verdict)[:2] == [sentence("So far: FAIL"), reason]
    assert rows_of(report.verdict, report=report)[:2] == [sentence("Verdict: FAIL"), reason]


def test_a_run_that_passed() -> None:
    """It has no reasons; once it has ended, a sentence says what was met."""
    report = make_report()
    assert rows_of(report.verdict)[1]["objective"].startswith("In flight")
    assert rows_of(report.verdict, report=report)[1]["objective"].startswith("all 4 objectives are met, the closest by")


def test_many_reasons() -> None:
    """Of many reasons the weightiest are told, and how many more there are."""
    verdict = make_report(evidence=Evidence(unproven=[f"reason {number}" for number in range(25)])).verdict
    told = [row["objective"] for row in rows_of(verdict)[1 : MOST_REASONS + 1]]
    assert told == ["reason 0", "reason 1", "reason 2", "reason 3", "and 21 more reasons"]


def test_what_waits() -> None:
    """What a rate came to, and the requests that wait, are told between the reasons and the objectives."""
    verdict = make_report(evidence=Evidence(longest_silence_s=7.25)).verdict
    rate = RateFigures(75.0, 74.8, Arrivals(2413, late=3, latest_ms=120.0))
    assert rows_of(verdict, in_flight=12, oldest_s=3.2, unanswered=4, rate=rate)[1:3] == [
        sentence(f"Arrivals: {rate}"),
        sentence(
            "In flight: 12 requests, the oldest for 3.2 s. Unanswered for longer than allowed: 4. "
            "Longest time without any answer: 7.25 s."
        ),
    ]
    assert rows_of(verdict)[1]["objective"].startswith("In flight: 0 requests. Unanswered")
    assert rows_of(verdict, in_flight=1)[1]["objective"].startswith("In flight: 1 request, the oldest for 0 ms.")


def test_each_format_can_be_downloaded() -> None:
    """Locust's tab of downloads gets a link for each format of a verdict, below the page's own address."""
    assert [link["href"] for link in DOWNLOADS] == [f"./{known.file_name}" for known in FORMATS]
    assert {"Download verdict as a page", "Download verdict as JSON", "Download verdict as JUnit XML"} <= {
        link["title"] for link in DOWNLOADS
    }
