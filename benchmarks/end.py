"""A two-hour run, made up, to measure how long its end takes."""

import random
from datetime import UTC, datetime, timedelta

from chaterload.judge.analysis import analyse
from chaterload.judge.diagnosis import diagnose
from chaterload.judge.history import INTERVAL_S, Generator, History
from chaterload.judge.measure import Endpoint, EndpointStats, Snapshot, round_to_3_significant
from chaterload.judge.objectives import evaluate
from chaterload.judge.objectives_file import DEFAULT_FILE, load
from chaterload.report.formats import FORMATS
from chaterload.report.model import Report, Run
from chaterload.judge.verdict import decide
from chaterload.chater.writes import Writes

ENDPOINTS = [Endpoint("POST", f"/endpoint_{number}") for number in range(6)]
ENDPOINTS += [objective.endpoint for objective in load(DEFAULT_FILE)[0] if objective.endpoint.method]
SECONDS = 7_200


def two_hours() -> tuple[History, Snapshot]:
    """A history with a sample every 3 s at 50 requests per second, and its last snapshot."""
    chance = random.Random(0)
    history, times = History(), {endpoint: dict[int, int]() for endpoint in ENDPOINTS}
    figures = Snapshot({}, 0.0)
    for number in range(1, int(SECONDS / INTERVAL_S) + 1):
        for endpoint in ENDPOINTS:
            for _ in range(int(50 * INTERVAL_S / len(ENDPOINTS))):
                time = round_to_3_significant(chance.lognormvariate(6, 0.5))
                times[endpoint][time] = times[endpoint].get(time, 0) + 1
        measured = {
            endpoint: EndpointStats(sum(counts.values()), 0, dict(counts), 1.0, max(counts))
            for endpoint, counts in times.items()
        }
        figures = Snapshot(measured, number * INTERVAL_S)
        history.add(number * INTERVAL_S, 30, figures, target=30, generator=Generator(20.0, 100_000_000))
    return history, figures


def conclude(history: History, figures: Snapshot) -> dict[str, str]:
    """Judge it, analyse it and make every file."""
    objectives, _ = load(DEFAULT_FILE)
    results = evaluate(objectives, figures)
    end = datetime.now(UTC)
    run = Run("http://localhost", end - timedelta(seconds=SECONDS), end, 30, 0, None, (), (), {})
    analysis = analyse(history.steps, objectives, drift_in=history.steps)
    findings = diagnose([], results, figures)
    report = Report(run, decide(results), figures, [], findings, Writes(), [], history.samples, (), analysis)
    return {known.file_name: known.text(report) for known in FORMATS}
