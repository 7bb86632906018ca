"""From a run's figures to its report."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from platform import python_version
from typing import Any

import locust
from locust.env import Environment

from chaterload import __version__
from chaterload.chater.dishes import Leftover, Trace
from chaterload.chater.environment import shown
from chaterload.chater.kinds import FailureKind
from chaterload.chater.settings import Settings
from chaterload.chater.writes import Writes
from chaterload.judge.analysis import Analysis, analyse
from chaterload.judge.baseline import not_compared
from chaterload.judge.comparison import Comparison, Tolerance, Window, compare_windows
from chaterload.judge.curve import Point
from chaterload.judge.dependence import measure_dependence
from chaterload.judge.diagnosis import FailureCount, diagnose
from chaterload.judge.events import find_events
from chaterload.judge.lateness import Arrivals, RateFigures, add_up_arrivals, late_because
from chaterload.judge.measure import EndpointStats, Snapshot
from chaterload.judge.objectives import Result
from chaterload.judge.queries import Query, Series, judge_query
from chaterload.judge.serverside import compare_sides, read_pages
from chaterload.judge.silence import Silence, are_faults, sentence
from chaterload.judge.steps import read_steps
from chaterload.judge.unanswered import Unanswered, count_unanswered
from chaterload.judge.verdict import Evidence, Verdict, critical_failures, decide
from chaterload.load.scenario import calls_of
from chaterload.load.shapes import CapacityShape, StagedShape
from chaterload.load.strategies import spike_of, starts_of
from chaterload.report.model import Report
from chaterload.report.model import Run as RunFacts
from chaterload.run.criteria import PassCriteria, evaluate_run, judged_window
from chaterload.run.figures import (
    add_up_unanswered,
    add_up_writes,
    crashes,
    failures,
    first_samples,
    silences,
    snapshot,
)
from chaterload.run.lifecycle import Run
from chaterload.run.node import Node, options_of, tasks_of

SATURATED_S = 20.0
"""Above 90 % CPU for this long in a row (two samples of Locust's), a generator measures itself."""


@dataclass(frozen=True)
class Judged:
    """A run as it is judged: all that a verdict takes, and nothing that only a report does."""

    answered: Snapshot
    """Without what nobody answered."""
    figures: Snapshot
    reports: Sequence[dict[str, Any]]
    """Of the processes that generate load."""
    results: Sequence[Result]
    writes: Writes
    unanswered: Sequence[Unanswered]
    comparisons: Sequence[Comparison]
    silences: Sequence[Silence]
    """Those that are faults."""
    verdict: Verdict
    rate: RateFigures | None
    """None in a run by users."""


def judge_run(
    environment: Environment,
    node: Node,
    judge: PassCriteria,
    run: Run,
    platform: Sequence[tuple[Query, Series | None]] = (),
) -> Judged:
    """Judge the run as it is now, with what the platform's own figures say where they were asked for."""
    reports = node.reports()
    answered = snapshot(environment.stats, run.clock_set_by)
    figures, unanswered = count_unanswered(answered, add_up_unanswered(reports), judge.objectives)
    results = [
        *evaluate_run(environment, judge, run, figures),
        *(judge_query(query, series) for query, series in platform),
    ]
    writes = add_up_writes(reports)
    comparisons = _compare(judge, run, figures)
    silent = silences(reports, run.span)
    faults = are_faults(silent, judge.objectives)
    rate = rate_figures(run, reports, figures)
    late_by_generator, late_by_others = late_because(rate.arrivals if rate else None)
    verdict = decide(
        results,
        Evidence(
            lost_writes=writes.missing(),
            stopped_early=run.missed,
            worse=[
                *critical_failures(judge.objectives, judged_window(run, figures)),
                *(str(comparison) for comparison in comparisons if comparison.worse),
            ],
            generator_broken=[
                *run.generator_broken,
                *node.lost(),
                *_crashes(environment),
                *_saturated(reports),
                *late_by_generator,
            ],
            unproven=[
                *run.unproven,
                *late_by_others,
                *_unproven(reports, figures),
                *tasks_never_run(environment, run, figures),
                *(not_compared(comparisons) if judge.baseline else ()),
            ],
            silences=[sentence(silence, run.start.timestamp()) for silence in faults],
            longest_silence_s=max((silence.seconds for silence in silent), default=0.0),
        ),
    )
    return Judged(answered, figures, reports, results, writes, unanswered, comparisons, faults, verdict, rate)


def rate_figures(run: Run, reports: Sequence[dict[str, Any]], figures: Snapshot) -> RateFigures | None:
    """What a run by rate was asked for, and what came of it; None in a run by users."""
    if not run.by_rate:
        return None
    asked = run.asked.requests(run.seconds) / run.seconds if run.seconds else 0.0
    return RateFigures(asked, figures.requests_per_second, add_up_arrivals(reports) or Arrivals())


def _compare(judge: PassCriteria, run: Run, figures: Snapshot) -> list[Comparison]:
    if judge.baseline is None:
        return []
    now = Window(figures.endpoints, measure_dependence(run.history.steps))
    return compare_windows(judge.baseline, now, Tolerance(judge.tolerance))


def make_report(
    environment: Environment,
    settings: Settings,
    node: Node,
    judge: PassCriteria,
    run: Run,
    platform: Sequence[tuple[Query, Series | None]] = (),
) -> Report:
    """Judge the run as it is now, and read it."""
    judged = judge_run(environment, node, judge, run, platform)
    figures = judged.figures
    rows = [*failures(environment.stats), *(_as_failures(row) for row in judged.unanswered if row.failed)]
    known = {(str(row.endpoint), row.title) for row in rows}
    samples = [s for s in first_samples(judged.reports) if (s.endpoint, s.kind) in known]
    uncounted = sum(report.get("early_cleanup", 0) for report in judged.reports)
    uncounted += sum(row.count for row in judged.unanswered)
    events = find_events(run.history.samples, judged.silences)
    pages = read_pages(run.prepared.server_before), read_pages(run.server_after)
    broken = bool(judged.verdict.evidence.generator_broken)
    server = compare_sides(*pages, judged.answered, uncounted, generator_broken=broken)
    return Report(
        run=_run(environment, settings, run, judged.reports),
        verdict=judged.verdict,
        rate=judged.rate,
        snapshot=figures,
        failures=sorted(rows, key=lambda row: -row.count),
        findings=diagnose(rows, judged.results, figures, server, samples, events, broken),
        samples=samples,
        writes=judged.writes,
        leftovers=_leftovers(judged.reports),
        unanswered=judged.unanswered,
        history=run.history.samples,
        comparisons=judged.comparisons,
        analysis=_analyse(run, judge).beside(server, generator_broken=broken),
        dependence=measure_dependence(run.history.steps),
        wind_down=run.history.wind_down,
        events=events,
        cleanup_requests=_cleanup_requests(judged.reports),
        timeline=run.history.timeline,
        stages=starts_of(run.shape.strategy) if isinstance(run.shape, StagedShape) else (),
        platform={query.name: series for query, series in platform if series},
        baseline=judge.baseline.endpoints if judge.baseline else {},
        search=_search(run, judge),
    )


def _analyse(run: Run, judge: PassCriteria) -> Analysis:
    """What the run's steps say, or those of a search."""
    shape, steps = run.shape, run.history.steps
    if run.by_rate:  # throughput follows what is asked for, so that a curve of it would say nothing
        found = shape.found() if isinstance(shape, CapacityShape) else None
        return analyse((), judge.objectives, drift_in=steps, capacity=found)
    if isinstance(shape, CapacityShape):
        return analyse(shape.steps, judge.objectives, drift_in=steps, capacity=shape.found())
    spike = spike_of(shape.strategy) if isinstance(shape, StagedShape) else None
    return analyse(steps, judge.objectives, drift_in=steps, spike=spike)


def _search(run: Run, judge: PassCriteria) -> Sequence[Point]:
    """The steps of a capacity search; none in a run that is no search."""
    steps = run.shape.steps if isinstance(run.shape, CapacityShape) else ()
    return read_steps(steps, judge.objectives, measure_dependence(steps))


def tasks_never_run(environment: Environment, run: Run, figures: Snapshot) -> list[str]:
    """Which tasks a strategy that is to run every task left out."""
    if not (run.shape and run.shape.every_task):
        return []
    firsts = {
        task.__name__: calls[0] for task in tasks_of(environment, options_of(environment)) if (calls := calls_of(task))
    }
    return [
        f"{run.shape.name} left out {name}: no request to {endpoint}"
        for name, endpoint in firsts.items()
        if not figures.endpoints.get(endpoint, EndpointStats()).requests
    ]


def _as_failures(row: Unanswered) -> FailureCount:
    return FailureCount(row.endpoint, FailureKind.UNANSWERED, FailureKind.UNANSWERED.title, row.failed)


def _crashes(environment: Environment) -> list[str]:
    """Users that did not do what they should have done."""
    return [f"{count} x unexpected exception in a user: {text}" for text, count in crashes(environment)]


def _saturated(reports: Sequence[dict[str, Any]]) -> list[str]:
    """That the load generator's own delays are in the figures: a sentence, or none."""
    saturated = max((report.get("saturated_s", 0.0) for report in reports), default=0.0)
    if saturated < SATURATED_S:
        return []
    return [
        f"the load generator was above 90 % CPU for {saturated:.0f} s: its own delays are in the figures; "
        "spread the users over more workers"
    ]


def _unproven(reports: Sequence[dict[str, Any]], figures: Snapshot) -> list[str]:
    """What the run should have shown and did not."""
    doubts = []
    without = sum(report.get("without_account", 0) for report in reports)
    if without:
        doubts.append(f"{without} users found no account of their own")
    doubts += _strangers(reports)
    if not figures.total.requests:
        doubts.append("no request was made")
    return doubts


def _leftovers(reports: Sequence[dict[str, Any]]) -> list[Leftover]:
    entries = (entry for report in reports for entry in report.get("leftovers", ()))
    return sorted(Leftover(email, time, Trace(trace)) for email, time, trace in entries)


def _cleanup_requests(reports: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Those of all processes, by "METHOD /path"."""
    total: Counter[str] = Counter()
    for report in reports:
        total.update(report.get("cleanup", {}))
    return dict(sorted(total.items()))


def _strangers(reports: Sequence[dict[str, Any]]) -> list[str]:
    """A sentence for each account that somebody else used."""
    times: dict[str, set[int]] = defaultdict(set)
    most: Counter[str] = Counter()
    for email, count, some in (entry for report in reports for entry in report.get("strangers", ())):
        times[email].update(some)
        most[email] = max(most[email], count)
    return [
        f"somebody else uses {email}: {count} dish{'es' if count > 1 else ''} appeared on it that the run did not make "
        f"(time {', '.join(str(time) for time in sorted(times[email])[:3])}); what may be theirs was left alone"
        for email, count in most.items()
    ]


def _run(environment: Environment, settings: Settings, run: Run, reports: Sequence[dict[str, Any]]) -> RunFacts:
    options = options_of(environment)
    return RunFacts(
        host=run.prepared.host,
        start=run.start,
        end=run.end,
        users=run.history.peak_users,
        workers=run.workers,
        strategy=run.shape.name if run.shape else None,
        tags=tuple(options.tags or ()),
        exclude_tags=tuple(options.exclude_tags or ()),
        versions={
            "chater-load-test": __version__,
            "locust": locust.__version__,
            "python": python_version(),
        },
        settings=shown(settings),
        build=options.build or None,
        stand_in=bool(options.stand_in),
        accounts=max((report.get("accounts", 0) for report in reports), default=0),
    )
