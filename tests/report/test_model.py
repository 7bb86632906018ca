"""The verdict JSON: documented fields, strict JSON, and a baseline for a later run."""

import json
from dataclasses import replace
from typing import get_args, get_type_hints

import pytest

from chaterload.judge import objectives
from chaterload.judge.analysis import Analysis, Load
from chaterload.judge.baseline import FORMAT, parse_baseline
from chaterload.judge.drift import GENERATOR_CPU, Drift
from chaterload.judge.events import Event
from chaterload.judge.history import Sample
from chaterload.judge.lateness import Arrivals, RateFigures
from chaterload.judge.recovery import Recovery
from chaterload.judge.serverside import ServerSide, ServerTime
from chaterload.judge.trend import Trend
from chaterload.judge.unanswered import Unanswered
from chaterload.report import document
from chaterload.report.model import sorted_endpoints, to_json
from tests.support.schema import check_document

from .conftest import LOSSES, SAME, TODAY, WEIGHT, WORSE, make_report
from .test_charts import FOUND, KNEE


def through_json(report):
    document = json.loads(json.dumps(to_json(report), allow_nan=False))
    check_document(document)
    return document


def test_the_documented_fields(any_report):
    """Every run's JSON has the fields that the schema declares, and no NaN or infinity, which JSON does not know."""
    document = through_json(any_report)
    assert document["format"] == FORMAT
    assert (document["verdict"], document["exit_code"]) == (
        any_report.verdict.outcome.value,
        {"pass": 0, "fail": 3, "invalid": 4}[document["verdict"]],
    )
    assert document["reasons"] == list(any_report.verdict.reasons)


def test_it_is_a_baseline_for_a_later_run(any_report):
    """What a run wrote, a later one reads as its baseline."""
    found = parse_baseline(through_json(any_report), "earlier.json")
    assert {e: (m.requests, m.failures, m.times) for e, m in found.endpoints.items()} == {
        e: (m.requests, m.failures, m.times) for e, m in any_report.snapshot.endpoints.items()
    }
    assert found.dependence.freedom == any_report.dependence.freedom
    assert all(found.dependence.of(e) == any_report.dependence.of(e) for e in found.endpoints)


def test_a_failed_run():
    """The figures of a failed run are all there."""
    document = through_json(make_report(weight_ms=900, failures=20, baseline=[WORSE, SAME], writes=LOSSES))
    assert (document["requests"], document["failures"], document["grade"]) == (240, 20, "critical")
    assert document["failure_ratio"] == pytest.approx(20 / 240)
    assert (document["throughput_rps"], document["tier"]) == (8.0, "below low")
    assert document["objectives"][0] == {
        "method": "POST",
        "path": "/manual_weight",
        "measure": "p95",
        "unit": "ms",
        "limit": 500.0,
        "value": 900.0,
        "requests": 120,
        "failures": 0,
        "state": "missed",
    }
    assert [objective["unit"] for objective in document["objectives"]] == ["ms", "ms", "ratio", "1/s"]
    assert document["failure_kinds"] == [
        {"method": "GET", "path": "/eater_get_today", "kind": "server error", "count": 20}
    ]
    assert [(row["endpoint"], row["worse"]) for row in document["baseline"]] == [
        (str(WEIGHT), True),
        (str(TODAY), False),
    ]
    assert document["writes"]["dishes"] == {
        "acknowledged": 45,
        "checked": 45,
        "confirmed": 43,
        "late": 2,
        "overdue": 0,
        "lost": 2,
        "undecidable": 0,
        "unseen_ms": 2010.0,
        "lost_ms": 10_100.0,
        "latest_after_ms": 300.0,
        "latest_ms": 1234.5,
    }
    assert document["leftovers"] == [
        {"email": "a@example.com", "time": 1_700_000_000_000, "trace": "upload unclear", "certain": False}
    ]
    run = document["run"]
    assert (run["start"], run["end"], run["seconds"]) == ("2026-03-01T12:00:00+00:00", "2026-03-01T12:00:30+00:00", 30)
    assert (run["users"], run["workers"], run["tags"], run["strategy"]) == (20, 2, ["full_flow"], None)


def test_what_was_not_judged_has_no_value():
    """An objective without data has null for its value."""
    document = through_json(make_report(excluded_endpoints=[WEIGHT]))
    assert [(row["state"], row["value"]) for row in document["objectives"]][:2] == [
        ("not_applicable", None),
        ("no_data", None),
    ]


def test_endpoints_are_in_the_order_of_locusts_tables():
    """By path, then by method."""
    assert [endpoint for endpoint, _ in sorted_endpoints(make_report().snapshot)] == [TODAY, WEIGHT]


def test_every_part_is_declared():
    """The schema has what a run seldom has: each part of its analysis, an event, unanswered requests, a wind-down."""
    trend = Trend(0.5, 0.0001, 100.0, 90.0, 110.0)
    report = replace(
        make_report(),
        analysis=Analysis(
            curve=KNEE,
            capacity=FOUND,
            load=Load((10, 50), WORSE, ("POST /manual_weight p95", 60)),
            recovery=Recovery(needed=True, seconds=12.0),
            drift=Drift(20, 300.0, {WEIGHT: trend, GENERATOR_CPU: trend}),
            server=ServerSide((ServerTime(WEIGHT, 120.0, 80.0),)),
        ),
        events=[Event(3.0, 9.0, 6.0, 4, {"server error": 2}, 1)],
        unanswered=[Unanswered(WEIGHT, 3, 9000.0, 1)],
        rate=RateFigures(75.0, 74.8, Arrivals(2413)),
        wind_down=Sample(33.0, 3.0, 0, 5, 1, {}),
    )
    analysis = through_json(report)["analysis"]
    assert None not in analysis.values()
    assert analysis["drift"]["trends"][str(WEIGHT)]["direction"] == "rising"


def test_the_schema_refuses_what_is_none():
    """A field too many, one too few and one of another type are each found."""
    document = through_json(make_report())
    for wrong in (
        document | {"new": 1},
        {name: value for name, value in document.items() if name != "writes"},
        document | {"requests": "many"},
        document | {"format": FORMAT + 1},
    ):
        with pytest.raises(AssertionError):
            check_document(wrong)


def test_each_unit_is_declared():
    """Whatever unit a measure has, the schema knows it."""
    known = get_args(get_type_hints(document.ObjectiveRow)["unit"])
    assert {unit.name for unit in vars(objectives).values() if isinstance(unit, objectives.Unit)} == set(known)
