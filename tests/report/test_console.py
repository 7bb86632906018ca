"""The end of a run on a terminal and in a log."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from chaterload.chater.writes import Tally
from chaterload.judge import numbers
from chaterload.judge.diagnosis import FailureCount, diagnose
from chaterload.judge.serverside import ServerSide, ServerTime
from chaterload.report.console import MOST_FAILURES, MOST_FIRST, conclude, show, show_figures, to_text, writes_text
from chaterload.report.model import to_json

from .conftest import LOSSES, NASTY, SAME, TODAY, WEIGHT, WORSE, make_report


def concluded(report, results=None):
    """A run's end, which says what to do next."""
    file = io.StringIO()
    conclude(report, Console(file=file, width=100, highlight=False, markup=False), results)
    return file.getvalue()


def shown(report, *, terminal=False, width=100):
    file = io.StringIO()
    show(report, Console(file=file, force_terminal=terminal, width=width, highlight=False, markup=False))
    return file.getvalue()


def test_a_log_holds_no_more_than_eighty_columns(any_report):
    """In a log there is no line over 80 columns, no escape code, and the verdict is the last line, once."""
    text = shown(any_report, width=250)
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    verdict = any_report.verdict
    assert text.splitlines()[-1] == f"Verdict: {verdict.outcome.upper()} (exit code {int(verdict.exit_code)})"
    assert text.count("Verdict:") == 1


def test_it_begins_with_the_verdict(any_report):
    """The first line is the verdict in a sentence."""
    assert shown(any_report, width=250).lstrip().startswith(f"{any_report.verdict.outcome.upper()}: ")


@pytest.mark.parametrize("stand_in", [False, True])
def test_what_to_do_next(stand_in):
    """With a folder it names the page, and how to load one's own server after a stand-in; else how to get a page."""
    report = make_report()
    report = replace(report, run=replace(report.run, stand_in=stand_in))
    assert next_step(report, None).startswith("Next: --results DIR keeps a page")
    line = next_step(report, Path("results/one"))
    assert "open results/one/verdict.html" in line
    assert ("results/index.html" in line, "TARGET_HOST" in line) == (not stand_in, stand_in)
    assert "Next: " not in to_text(report)  # in a folder it would ask for what lies beside it


def next_step(report, results):
    """What a run's end says that one should do now."""
    (line,) = [line for line in concluded(report, results).splitlines() if line.startswith("Next: ")]
    return line


def test_a_page_that_could_not_be_written():
    """Nobody is sent to a page that is not there."""
    page = str(Path("results/one/verdict.html"))
    line = next_step(replace(make_report(), unwritten=(page,)), Path("results/one"))
    assert line == f"Next: see in the log why {page} could not be written"


def test_a_terminal_has_colour(any_report):
    """On a terminal the verdict is coloured."""
    assert "\x1b[" in shown(any_report, terminal=True).splitlines()[-1]


def test_everything_is_told():
    """Each objective has its row; failures, throughput, writes, comparison, diagnosis and leftovers are there."""
    text = " ".join(shown(make_report(weight_ms=900, failures=20, baseline=[WORSE, SAME], writes=LOSSES)).split())
    for part in (
        "POST /manual_weight p95 < 500 ms 900 ms missed -80 %",
        "GET /eater_get_today p95 < 2 s 30 ms met +98 %",
        "all requests failure_ratio < 1 % 8.3 % missed -733 %",
        "all requests requests_per_second >= 5.0 req/s 8.0 req/s met +60 %",
        "Failures 20 of 240 requests (8.3 %): critical",
        "Throughput 8.0 req/s: below low",
        "Writes dishes 45 acknowledged / 43 confirmed, 2 lost, 2 late (the latest after 0.3 to 1.2 s)",
        "POST /manual_weight 100 ms 400 ms +300 % worse",
        "GET /eater_get_today 30 ms 30 ms +0 %",
        "20 x server error at GET /eater_get_today Status 500 came first. Usually the server failed",
        "120 x slow answers at POST /manual_weight",
        "a@example.com time 1700000000000 (2023-11-14 22:13:20 UTC): upload unclear",
        "- POST /manual_weight: p95 is 900 ms, expected below 500 ms",
    ):
        assert part in text


def test_nothing_is_taken_for_markup():
    """What a reason or a host holds is printed as it is."""
    assert f"  - {NASTY}\n" in shown(make_report(invalid=[NASTY]))


def test_reasons_are_first_and_last():
    """The first reason is told in the first sentence and the next ones below it; at the end, all of them are."""
    reasons = [f"reason number {number} of many" for number in range(9)]
    text = concluded(make_report(invalid=reasons))
    first, last = text.split("Load test of")[0], text.split("\nNext: ")[1]
    assert [reason for reason in reasons if reason in first] == reasons[: MOST_FIRST + 1]
    assert f"  - and {8 - MOST_FIRST} more, told at the end\n" in first
    assert [line[4:] for line in last.splitlines() if line.startswith("  - ")] == reasons


WIDTHS = {
    60: "Endpoint Requests Failed Median p95",
    80: "Endpoint Requests Failed Median p95 p99 Maximum",
    120: "Endpoint Requests Failed Failure ratio Median p95 p99 Maximum req/s",
    200: "Endpoint Requests Failed Failure ratio Median p95 p99 Maximum req/s",
}


@pytest.mark.parametrize("width", WIDTHS)
def test_a_terminals_own_width_counts(width, any_report):
    """On a terminal of any width no line overflows but those with a path, and the table has the columns that fit."""
    lines = [Text.from_ansi(line).plain for line in shown(any_report, terminal=True, width=width).splitlines()]
    assert [line for line in lines if len(line) > width and not line.startswith("Next: ")] == []
    assert (WIDTHS[width] in [" ".join(line.split()) for line in lines]) == bool(any_report.snapshot.endpoints)


def test_endpoints():
    """Each has its requests, failures and times, as the JSON has them, and the last row is that of all."""
    report = make_report(failures=20)
    text = Text.from_ansi(shown(report, terminal=True, width=120)).plain
    lines = [" ".join(line.split()) for line in text.splitlines()]
    at = next(number for number, line in enumerate(lines) if line.startswith("Endpoint Requests"))
    rows = lines[at + 1 : at + 4]
    assert rows == [
        "GET /eater_get_today 120 20 17 % 20 ms 30 ms 30 ms 30 ms 4.0",
        "POST /manual_weight 120 0 0 % 400 ms 400 ms 400 ms 400 ms 4.0",
        "all requests 240 20 8.3 % 30 ms 400 ms 400 ms 400 ms 8.0",
    ]
    for row, told in zip(to_json(report)["endpoints"], rows, strict=False):
        times = [numbers.milliseconds(row[f"{name}_ms"]) for name in ("median", "p95", "p99", "maximum")]
        assert f"{row['path']} {row['requests']} {row['failures']} " in told
        assert " ".join(times) in told


def test_a_run_that_nobody_judges():
    """It has the endpoints and what failed, the most frequent first, and no verdict."""
    report = make_report(failures=20)
    rows = [*report.failures, *(FailureCount(TODAY, None, f"KeyError({n})", 1) for n in range(MOST_FAILURES))]
    file = io.StringIO()
    show_figures(report.snapshot, rows, Console(file=file, width=250, markup=False))
    text = file.getvalue()
    assert "Verdict" not in text
    assert "POST /manual_weight" in text
    assert "\nFailures\n  20 x server error at GET /eater_get_today\n  1 x KeyError(0) at" in text
    assert "  and 1 more\n" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_failure_of_no_known_kind():
    """Its text is told below the diagnosis, which can only say that there is one."""
    report = make_report()
    row = FailureCount(TODAY, None, "KeyError('x')", 3)
    report = replace(report, failures=[row], findings=diagnose([row], report.verdict.results, report.snapshot))
    assert "\n  3 x KeyError('x') at GET /eater_get_today\n" in shown(report)


@pytest.mark.parametrize(("server_ms", "told"), [(30.0, False), (20.0, True)])
def test_the_servers_own_time(server_ms, told):
    """It is told where more than a fifth of the time is spent outside of it."""
    times = (ServerTime(TODAY, 30.0, server_ms), ServerTime(WEIGHT, 400.0, 320.0))
    report = make_report()
    text = shown(replace(report, analysis=replace(report.analysis, server=ServerSide(times))))
    assert ("GET /eater_get_today: 30 = 20 own work + 10" in text) == told
    assert ("Mean ms:" in text) == told
    assert "POST /manual_weight: 400" not in text


@pytest.mark.parametrize(
    ("kind", "tally", "text"),
    [
        ("dishes", Tally(), "dishes 0 acknowledged"),
        ("dishes", Tally(3, 3, 3), "dishes 3 acknowledged / 3 confirmed"),
        ("dishes", Tally(3, 3, 2, lost=1), "dishes 3 acknowledged / 2 confirmed, 1 lost"),
        ("modifies", Tally(3, 3, 2), "modifies 3 acknowledged / 2 confirmed, 1 not shown in time"),
        ("deletes", Tally(3, 3, 2), "deletes 3 acknowledged / 2 confirmed, 1 not done in time"),
        ("modifies", Tally(3), "modifies 3 acknowledged, 3 not checked"),
        (
            "weights",
            Tally(81, undecidable=81),
            "weights 81 acknowledged, 81 not checked: users share an account (TEST_ACCOUNTS)",
        ),
        (
            "dishes",
            Tally(4, 3, 2, 1, overdue=1, latest_after_ms=2100.0, latest_ms=4000.0),
            "dishes 4 acknowledged / 2 confirmed, 2 late (the latest after 2.1 to 4.0 s), 1 not checked",
        ),
    ],
)
def test_writes_in_words(kind, tally, text):
    """Acknowledged and confirmed, and each difference between them by its name."""
    assert writes_text(kind, tally) == text
