"""Every report says what the verdict says."""

import html
import io
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console

from chaterload.chater.kinds import FailureKind
from chaterload.chater.writes import Tally, Writes
from chaterload.judge.diagnosis import FailureCount, diagnose
from chaterload.judge.measure import ALL, Snapshot
from chaterload.judge.objectives import THROUGHPUT, Measure, Objective, evaluate
from chaterload.judge.queries import Query, judge_query
from chaterload.judge.verdict import Evidence, decide
from chaterload.report.console import show
from chaterload.report.formats import FORMATS
from chaterload.report.model import Report, Run
from chaterload.report.prometheus import Figures, to_text
from chaterload.report.tab import Moment, extended_stats
from tests.judge.test_measure import measurements

from .conftest import NASTY, SAME, SIGN_IN, TODAY, WEIGHT, WORSE, make_report

ENDPOINTS = st.sampled_from([TODAY, WEIGHT, SIGN_IN])
TEXTS = st.text(min_size=1, max_size=30) | st.sampled_from(
    [NASTY, "Verdict: PASS (exit code 0)", "## ✅ PASS", "\n\r\0"]
)
REASONS = st.lists(TEXTS, max_size=2)
MEASURES = st.sampled_from(["p95", "median", "maximum", "failure_ratio"]).map(Measure.named)
LIMITS = st.sampled_from([1e-3, 100.0, 1e6])
OBJECTIVES = st.builds(
    Objective, ENDPOINTS | st.just(ALL), MEASURES | st.just(THROUGHPUT), LIMITS, st.sampled_from([1, 1, 500])
)
EASY = st.builds(Objective, st.just(ALL), MEASURES, st.just(1e9))
"""Objectives that every run with a request meets."""
SERIES = st.none() | st.lists(st.tuples(st.floats(0, 1e3), st.floats(0, 10)), max_size=20)
QUERIES = st.builds(judge_query, st.builds(Query, TEXTS, st.just("up"), st.just(0.5)), SERIES)


@st.composite
def tallies(draw):
    """Counts of one kind of write, of which none is larger than it can be."""
    acknowledged = draw(st.integers(0, 100))
    looked = draw(st.integers(0, acknowledged))
    return Tally(acknowledged, looked, draw(st.integers(0, looked)))


WHOLE = st.builds(Writes, *[st.integers(0, 100).map(lambda n: Tally(n, n, n))] * 4)
EVIDENCE = st.builds(Evidence, st.just([]), REASONS, REASONS, REASONS, REASONS, REASONS, st.floats(0, 1e5))
DOUBTS = st.builds(Evidence, generator_broken=REASONS, unproven=REASONS)


@st.composite
def reports(draw):
    """Any run, judged as a run is: one that may be anything, or one that went well and may be in doubt."""
    well = draw(st.booleans())
    figures = Snapshot(
        draw(st.dictionaries(ENDPOINTS, measurements(least=int(well)), min_size=int(well), max_size=3)),
        draw(st.floats(0.1, 1e5)),
    )
    excluded_endpoints = draw(st.sets(ENDPOINTS, max_size=2))
    objectives = draw(st.lists(EASY, min_size=1, max_size=2) if well else st.lists(OBJECTIVES, max_size=4))
    results = evaluate(objectives, figures, excluded_endpoints, [(TODAY, WEIGHT), (SIGN_IN,)])
    results += [] if well else draw(st.lists(QUERIES, max_size=1))
    rows = draw(
        st.lists(
            st.builds(FailureCount, ENDPOINTS, st.sampled_from(FailureKind), TEXTS, st.integers(1, 99)), max_size=2
        )
    )
    writes = draw(WHOLE if well else WHOLE | st.builds(Writes, *[tallies()] * 4))
    changes = draw(st.lists(st.sampled_from([SAME] if well else [WORSE, SAME]), max_size=2, unique=True))
    found = draw(st.just(Evidence()) | DOUBTS if well else st.just(Evidence()) | EVIDENCE)
    regressions = [str(change) for change in changes if change.worse]
    evidence = Evidence(
        writes.missing(),
        found.stopped_early,
        [*found.worse, *regressions],
        found.generator_broken,
        found.unproven,
        found.silences,
        found.longest_silence_s,
    )
    start = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    end = start + timedelta(seconds=draw(st.integers(0, 10**6)))
    run = Run(draw(TEXTS), start, end, draw(st.integers(0, 100)), 0, None, (), (), {}, {}, draw(st.integers(0, 9)))
    unwritten = draw(st.just(()) | st.just(("/full/verdict.html",)))
    return Report(
        run,
        decide(results, evidence),
        figures,
        rows,
        diagnose(rows, results, figures),
        writes,
        [],
        [],
        changes,
        unwritten=unwritten,
    )


def by_text(text):
    ((word, code),) = re.findall(r"^Verdict: (\w+) \(exit code (\d)\)$", text.splitlines()[-1])
    return word, code


def by_page(text):
    (block,) = re.findall(r'<div class="verdict (\w+)">.*?<h1><b>(\w+)</b>:', text, re.DOTALL)
    assert block[0] == block[1].lower()
    return block[1], None


def by_junit(text):
    """What CI makes of it: any failure is one, else any error; its own totals agree, and so does the last case."""
    document = ET.fromstring(text)  # noqa: S314  # our own
    tags = {element.tag for element in document.iter()}
    assert int(document.get("failures", "0")) == len(list(document.iter("failure")))
    assert int(document.get("errors", "0")) == len(list(document.iter("error")))
    outcome = "FAIL" if "failure" in tags else "INVALID" if "error" in tags else "PASS"
    *_, last = document.iter("testcase")
    of_last = {child.tag for child in last}
    assert of_last == {"FAIL": {"failure"}, "INVALID": {"error"}, "PASS": set()}[outcome]
    properties = {p.get("name"): p.get("value") for p in document.iter("property")}
    assert properties["verdict"] == outcome.lower()
    return outcome, properties["exit_code"]


def by_json(text):
    document = json.loads(text)
    return document["verdict"], str(document["exit_code"])


def by_markdown(text):
    (outcome,) = re.findall(r"^## \S+ (\w+): load test of ", text, re.MULTILINE)
    return outcome, re.findall(r"Exit code (\d)\.$", text, re.MULTILINE)[0]


READERS = {"text": by_text, "html": by_page, "junit": by_junit, "json": by_json, "markdown": by_markdown}


def by_terminal(report):
    file = io.StringIO()
    show(report, Console(file=file, force_terminal=True, width=80, highlight=False, markup=False))
    return re.findall(r"Verdict: (\w+) \(exit code", file.getvalue().splitlines()[-1])[0]


def by_tab(report):
    (stats,) = extended_stats(Moment(report.verdict, report))
    return stats["data"][0]["objective"].removeprefix("Verdict: ")


def by_prometheus(report):
    figures = Figures(report.snapshot, [], report.verdict.results, report.writes, 0, 0, 0.0, report.verdict.outcome)
    families = text_string_to_metric_families(to_text(figures).decode())
    values = {s.labels["outcome"]: s.value for f in families for s in f.samples if s.name == "chater_verdict"}
    assert sorted(values.values()) == [0, 0, 1]
    return next(outcome for outcome, value in values.items() if value)


def test_each_format_has_its_reader():
    """A format that nobody reads here would go untried."""
    assert READERS.keys() == {known.name for known in FORMATS}


def test_each_report_names_the_build():
    """What was tested, as --build calls it, is in every format; where nobody said, none has an empty name for it."""
    report = make_report()
    built = replace(report, run=replace(report.run, build="v1 <b> & 2.0"))
    for known in FORMATS:
        assert "v1 <b> & 2.0" in html.unescape(known.text(built)).replace("\\", ""), known.name
        assert not re.search(r"[Bb]uild\W+None", known.text(report)), known.name


# no shrinking: it would take minutes
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None, phases=[Phase.generate])
@given(reports())
def test_each_report_tells_the_verdict(report):
    """Whatever a run was like, each report has the outcome of the verdict, and no other."""
    read = {known.name: READERS[known.name](known.text(report)) for known in FORMATS}
    told = {name: word for name, (word, _) in read.items()}
    told |= {"terminal": by_terminal(report), "tab": by_tab(report), "Prometheus": by_prometheus(report)}
    assert {name: word.lower() for name, word in told.items()} == dict.fromkeys(told, report.verdict.outcome.value)
    assert {code for _, code in read.values() if code} == {str(int(report.exit_code))}
