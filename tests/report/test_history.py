"""The history shows the runs of a folder, whoever wrote them."""

import json
import os
import re
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from html import unescape
from pathlib import Path
from subprocess import Popen

import pytest

from chaterload.exits import Exit
from chaterload.judge.capacity import Capacity
from chaterload.judge.lateness import Arrivals, RateFigures
from chaterload.judge.measure import EndpointStats, Snapshot
from chaterload.report.__main__ import main
from chaterload.report.archive import kind_of, last_good, read_runs
from chaterload.report.history import INDEX, to_index, update_index
from chaterload.report.model import to_json
from chaterload.report.sidebyside import MOST_MADE, pairs_of

from .conftest import LOSSES, NASTY, TODAY, WEIGHT, make_report


def keep(parent, number, report=None, **run):
    """Put a run into a folder of its own, as --results does; each an hour after the one before."""
    report = report or make_report()
    when = report.run.start + timedelta(hours=number)
    times = {"start": when, "end": when + timedelta(seconds=30)}
    report = replace(report, run=replace(report.run, **times | run))
    folder = parent / f"{when:%Y-%m-%dT%H-%M-%SZ}"
    folder.mkdir(parents=True)
    (folder / "verdict.json").write_text(json.dumps(to_json(report)))
    return folder


def with_times(ms, requests=200):
    """A run whose weights took so long."""
    stats = EndpointStats(requests, 0, {ms: requests // 2, ms + 1: requests // 2}, ms * requests, ms + 1)
    return replace(make_report(), snapshot=Snapshot({WEIGHT: stats}, 30.0))


def text_of(folder):
    return unescape((folder / INDEX).read_text(encoding="utf-8"))


def test_all_runs_are_there(tmp_path):
    """Each run is in the table, the newest first, with what it was and what came of it."""
    keep(tmp_path, 1, build="one", strategy="load")
    keep(tmp_path, 2, make_report(writes=LOSSES), build=NASTY, strategy="load")
    found = replace(make_report().analysis, capacity=Capacity(75, 80.1, (79, 81), None, (), "the server"))
    keep(tmp_path, 3, replace(make_report(), analysis=found), strategy="capacity")
    update_index(tmp_path)
    text = text_of(tmp_path)
    places = [text.index(f'data-folder="2026-03-01T{hour}-00-00Z"') for hour in (15, 14, 13)]
    assert places == sorted(places)
    assert NASTY in text
    assert NASTY not in (tmp_path / INDEX).read_text()
    for told in (
        ">one<",
        "75 users",
        'class="is-fail">FAIL',
        ">400 ms<",
        "load on http://127.0.0.1:5000, tags full_flow",
    ):
        assert told in text


def test_what_is_no_verdict_is_named(tmp_path):
    """A folder without a verdict is none of ours; one whose verdict cannot be read is named, and harms no other."""
    keep(tmp_path, 1)
    (tmp_path / "other").mkdir()
    for name, content in {
        "text": "no JSON",
        "list": "[]",
        "future": '{"format": 99}',
        "deep": "[" * 100_000,
        "nan": json.dumps({**to_json(make_report()), "failure_ratio": float("nan")}),
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "verdict.json").write_text(content)
    runs, unreadable = read_runs(tmp_path)
    assert (len(runs), unreadable) == (1, ["deep", "future", "list", "nan", "text"])
    update_index(tmp_path)
    assert "cannot be read: deep, future, list, nan, text." in text_of(tmp_path)


def test_runs_that_asked_nothing(tmp_path):
    """Runs that were cut short before their first answer are in the history, without a chart of endpoints."""
    for number in range(2):
        keep(tmp_path, number, make_report(excluded_endpoints=["all"]))
    update_index(tmp_path)
    assert "2 runs" in text_of(tmp_path)
    assert "The two runs asked no endpoint in common" in next((tmp_path / "comparisons").iterdir()).read_text()


def test_an_empty_folder(tmp_path):
    """A folder without a run has a page that says so."""
    update_index(tmp_path)
    assert "0 runs" in text_of(tmp_path)


def test_a_change_is_marked(tmp_path):
    """A build that is slower than those before is marked, with its rate of false alarms; other strategies are apart."""
    for number in range(24):
        keep(tmp_path, number, with_times((100 if number < 14 else 150) + number % 3), build=f"v{number}")
        if number < 2:
            keep(tmp_path, 100 + number, with_times(500), strategy="load")
    update_index(tmp_path)
    text = text_of(tmp_path)
    assert '<th scope="row">POST /manual_weight p95</th><td>v14</td>' in text
    assert "+49 %" in text
    assert "gets one in 1 % of such histories" in text
    assert text.count("No change was found.") == 1


@pytest.mark.parametrize("other", [{"strategy": "load"}, {"host": "http://other"}, {"tags": ("language",)}])
def test_the_last_good_run(tmp_path, other):
    """It is the newest one that passed, of the same strategy, host and tags, in whatever order these were given."""
    keep(tmp_path, 1, tags=("a", "b"))
    good = keep(tmp_path, 2, tags=("b", "a"))
    keep(tmp_path, 3, make_report(weight_ms=900), tags=("a", "b"))
    keep(tmp_path, 4, **({"tags": ("a", "b")} | other))
    runs, _ = read_runs(tmp_path)
    found = last_good(runs, kind_of(None, "http://127.0.0.1:5000", ("a", "b"), ()))
    assert found is not None
    assert found.file.parent == good
    assert last_good(runs, kind_of("stress", "http://127.0.0.1:5000", (), ())) is None


def test_a_stand_in_is_one_host(tmp_path):
    """Stand-ins listen on another port each time, and are the same host all the same."""
    keep(tmp_path, 1, host="http://127.0.0.1:1111", stand_in=True)
    keep(tmp_path, 2, host="http://127.0.0.1:2222", stand_in=True)
    runs, _ = read_runs(tmp_path)
    assert len({run.kind for run in runs}) == 1
    assert runs[0].kind != kind_of(None, "http://127.0.0.1:1111", ("full_flow",), ())


def test_the_command(tmp_path, capsys):
    """It makes the page anew, also of runs that were copied there, and puts two runs side by side."""
    keep(tmp_path / "here", 1, with_times(100))
    shutil.copytree(keep(tmp_path / "there", 2, with_times(300), build="slow"), tmp_path / "here" / "copied")
    assert main([str(tmp_path / "here"), "--compare", "2026-03-01T13-00-00Z", "copied"]) == Exit.MET
    index, comparison = map(Path, capsys.readouterr().out.splitlines())
    assert 'data-folder="copied"' in index.read_text()
    text = unescape(comparison.read_text(encoding="utf-8"))
    assert "<b>slow is worse</b> than 03-01 13:00" in text
    assert "POST /manual_weight: median 100 ms -> 300 ms (+200 %)" in text
    assert 'href="../index.html"' in text


def test_two_runs_have_a_page(tmp_path):
    """Of the newest runs of a kind each two have a page, which the index names; without its runs a page goes."""
    before, now = keep(tmp_path, 1, with_times(100)), keep(tmp_path, 2, with_times(100))
    other = keep(tmp_path, 3, with_times(100), strategy="load")
    update_index(tmp_path)
    page = tmp_path / "comparisons" / f"{now.name}-against-{before.name}.html"
    assert [*page.parent.iterdir()] == [page]
    text = page.read_text()
    assert "Nothing shows that" in text
    assert "tolerance of 10 %, nothing that could be compared became slower" in text
    assert f'{{"0 1":"comparisons/{page.name}"}}' in text_of(tmp_path)
    main([str(tmp_path), "--compare", before.name, str(other)])
    assert "These runs are not alike" in (page.parent / f"{other.name}-against-{before.name}.html").read_text()
    assert '"0 2":' in text_of(tmp_path)  # one that was asked for stays
    shutil.rmtree(before)
    update_index(tmp_path)
    assert [*page.parent.iterdir()] == []


def test_only_what_is_alike_has_a_trend(tmp_path):
    """Without a strategy the users or the rate say what a run was, and a search by rate is none by users."""
    rate = RateFigures(30.2, 30.0, Arrivals(900))
    found = replace(make_report().analysis, capacity=Capacity(0, 17.0, (16, 18), None, (), "the server", (), 47.0))
    for number in range(2):
        keep(tmp_path, number, users=20)
        keep(tmp_path, 10 + number, users=30)
        keep(tmp_path, 20 + number, replace(make_report(), rate=rate))
        keep(tmp_path, 30 + number, strategy="capacity")
        keep(tmp_path, 40 + number, replace(make_report(), rate=rate, analysis=found), strategy="capacity")
    update_index(tmp_path)
    assert "17 req/s" in text_of(tmp_path)  # what was answered, as the run's own page says, of 47 that were asked for
    where = " on http://127.0.0.1:5000, tags full_flow"
    headings = re.findall("<h2>(.*?)</h2>", text_of(tmp_path))
    assert headings == [
        f"{load}{where}" for load in ("20 users", "30 users", "30 req/s", "capacity", "capacity by rate")
    ]


def test_only_the_newest_have_pages(tmp_path):
    """However many runs there are, pages of two stay few; each kind has its own, and the newest kind's come first."""
    keep(tmp_path, 0, with_times(100))
    ((run,), _) = read_runs(tmp_path)
    kinds = [replace(run.kind, strategy=name) for name in ("load", "smoke", "stress", "spike")]
    runs = [replace(run, name=f"{n}-{kind.strategy}", kind=kind) for n in range(50) for kind in kinds]
    pairs = pairs_of(runs)
    assert len(pairs) == MOST_MADE
    assert [run.name for run in reversed(pairs[0])] == ["49-spike", "48-spike"]
    assert {before.kind == now.kind for before, now in pairs} == {True}


HOSTILE = {
    "no time zone": lambda it: it["run"].update(start="2026-03-01T12:00:00"),
    "no time": lambda it: it["run"].update(start="0001-01-01T00:00:00+23:00"),
    "huge": lambda it: it.update(requests=10**400),
    "more than all": lambda it: it.update(failure_ratio=1e308),
    "text": lambda it: it["run"].update(users="many"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_verdict_is_named(tmp_path, case):
    """What nobody can have measured is no verdict."""
    document = to_json(make_report())
    HOSTILE[case](document)
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "verdict.json").write_text(json.dumps(document))
    update_index(tmp_path)
    assert "cannot be read: bad." in text_of(tmp_path)


def test_texts_of_others(tmp_path):
    """What is no character becomes none, in whatever field or folder's name it stands; markup stays text."""
    nasty = f"\ud800{NASTY}</script>\u202e"
    for name in (b"one", b"two\xff"):
        document = to_json(with_times(100))
        document["run"].update(build=nasty, strategy=nasty, host=nasty, tags=[nasty])
        document["endpoints"][0]["path"] = nasty
        folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
        folder.mkdir()
        (folder / "verdict.json").write_text(json.dumps(document))
    update_index(tmp_path)
    pages = [tmp_path / INDEX, *(tmp_path / "comparisons").iterdir()]
    assert len(pages) == 2
    assert not [page for page in pages if NASTY in page.read_text(encoding="utf-8")]
    assert "\u202e" not in text_of(tmp_path)


def test_runs_of_other_machines(tmp_path):
    """The results of another machine may be copied as a whole; without its page, a run has no link. Times are UTC."""
    keep(tmp_path / "other", 1, build="there")
    here = keep(tmp_path, 2, start=datetime(2026, 3, 1, 23, 30, tzinfo=timezone(timedelta(hours=2))))
    (here / "verdict.html").touch()
    update_index(tmp_path)
    text = text_of(tmp_path)
    assert "there" in text
    assert f'<a href="{here.name}/verdict.html">2026-03-01 21:30:00</a>' in text
    assert '<th scope="row">2026-03-01 13:00:00</th>' in text


@pytest.mark.parametrize("arguments", [["nowhere"], ["here", "--compare", "a", "b"], ["file"]])
def test_the_command_refuses(tmp_path, capsys, arguments):
    """What is no folder, or no run, is named in a sentence; exit code 2."""
    (tmp_path / "here").mkdir()
    (tmp_path / "file").touch()
    assert main([str(tmp_path / arguments[0]), *arguments[1:]]) == Exit.NEVER_STARTED
    assert "Expected" in capsys.readouterr().err


def test_a_folder_that_an_unset_variable_names(tmp_path, capsys, monkeypatch):
    """An empty name is not the folder that one is in."""
    monkeypatch.chdir(tmp_path)
    assert main([""]) == Exit.NEVER_STARTED
    assert "'' is no folder" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_parallel_runs_do_no_harm(tmp_path):
    """Of processes that end at once, the page has all runs, and is whole at any time."""
    folders = [keep(tmp_path, number) for number in range(6)]
    code = "import sys; from chaterload.report.__main__ import main; sys.exit(main([sys.argv[1]]))"
    processes = [Popen([sys.executable, "-c", code, str(tmp_path)], stdout=-3) for _ in range(2)]
    with ThreadPoolExecutor(4) as pool:
        assert all(page.exists() for page in pool.map(update_index, [tmp_path] * 8))
    assert [process.wait() for process in processes] == [0, 0]
    assert all(folder.name in text_of(tmp_path) for folder in folders)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [".index.lock", INDEX]


def test_a_thousand_runs(tmp_path):
    """A page of 1,000 runs shows the newest ones at first, holds all, and is below 2 MB."""
    keep(tmp_path, 0, with_times(100))
    ((run,), _) = read_runs(tmp_path)
    times = {f"POST /endpoint_{number}": 100.0 for number in range(12)}
    runs = [replace(run, start=run.start + timedelta(hours=n), p95_ms=times, build=f"v{n}") for n in range(1000)]
    page = to_index(runs)
    assert len(page) < 2_000_000
    head, older = page.split('<template id="older">')
    assert (head.count('class="pick"'), older.count('class="pick"')) == (100, 900)


def test_endpoints_that_were_not_asked(tmp_path):
    """A run that asked less than others has a gap, and no 0."""
    keep(tmp_path, 1, with_times(100))
    keep(tmp_path, 2, replace(make_report(), snapshot=Snapshot({TODAY: EndpointStats(1, 0, {5: 1}, 5, 5)}, 3.0)))
    runs, _ = read_runs(tmp_path)
    page = to_index(runs)
    assert '"y":[101.0,null]' in page
    assert '"y":[null,5.0]' in page
