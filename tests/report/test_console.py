"""The end of a run on a terminal and in a log."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from chaterload.chater.writes import Tally
from chaterload.report.console import show, writes_text

from .conftest import LOSSES, NASTY, SAME, WORSE, make_report


def shown(report, *, terminal=False, width=100):
    file = io.StringIO()
    show(report, Console(file=file, force_terminal=terminal, width=width, highlight=False, markup=False))
    return file.getvalue()


def test_a_log_holds_no_more_than_a_hundred_columns(any_report):
    """In a log there is no line over 100 columns, no escape code, and the verdict is the last line, once."""
    text = shown(any_report, width=250)
    assert max(map(len, text.splitlines())) <= 100
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
    assert "\nNext: --results DIR keeps a page" in shown(report)
    file = io.StringIO()
    show(report, Console(file=file), Path("results/one"))
    (line,) = [line for line in file.getvalue().splitlines() if line.startswith("Next: ")]
    assert "open results/one/verdict.html" in line
    assert ("results/index.html" in line, "TARGET_HOST" in line) == (not stand_in, stand_in)


def test_a_terminal_has_colour(any_report):
    """On a terminal the verdict is coloured."""
    assert "\x1b[" in shown(any_report, terminal=True).splitlines()[-1]


def test_everything_is_told():
    """Each objective has its row; failures, throughput, writes, comparison, diagnosis and leftovers are there."""
    text = " ".join(shown(make_report(weight_ms=900, failures=20, baseline=[WORSE, SAME], writes=LOSSES)).split())
    for part in (
        "POST /manual_weight p95 < 500 ms 900 ms 120 missed -80 %",
        "GET /eater_get_today p95 < 2 s 30 ms 120 met +98 %",
        "all requests failure_ratio < 1 % 8.3 % 240 missed -733 %",
        "all requests requests_per_second >= 5.0 req/s 8.0 req/s 240 met +60 %",
        "Failures 20 of 240 requests (8.3 %): critical",
        "Throughput 8.0 req/s: below low",
        "Writes dishes 45 acknowledged / 43 confirmed, 2 lost, 2 late (the latest after 0.3 to 1.2 s)",
        "POST /manual_weight 100 ms 400 ms +300 % 0 % 0 % worse",
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


def test_a_wide_terminal_is_used():
    """On a terminal its own width counts, and a narrow one does not break it."""
    for width in (60, 200):
        assert shown(make_report(), terminal=True, width=width).rstrip().count("Verdict: PASS") == 1


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
