"""From a run's figures to its report."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from platform import python_version
from typing import Any

import locust
from locust.env import Environment

from chaterload import __version__
from chaterload.chater.dishes import Leftover, Trace
from chaterload.chater.environment import shown
from chaterload.chater.settings import Settings
from chaterload.judge.analysis import (
    Analysis,
    read_curve,
    read_drift,
    read_first_break,
    read_growth,
    read_recovery,
    read_steps,
)
from chaterload.judge.baseline import compare
from chaterload.judge.diagnosis import diagnose
from chaterload.judge.measure import Measurement, Snapshot
from chaterload.judge.objectives import Objective
from chaterload.judge.queries import Query, Series, judge_query
from chaterload.judge.serverside import compare_sides
from chaterload.judge.verdict import Evidence, critical_failures, decide
from chaterload.load.scenario import calls_of
from chaterload.load.shapes import CapacityShape, StagedShape
from chaterload.load.strategies import spike_of
from chaterload.report.model import Report
from chaterload.report.model import Run as RunFacts
from chaterload.run.criteria import Judge, evaluate_run, judged_window
from chaterload.run.figures import add_up_writes, crashes, failures, snapshot
from chaterload.run.lifecycle import Run
from chaterload.run.node import Node, options_of, tasks_of
from chaterload.run.platform import server_figures

SATURATED_S = 20.0
"""Above 90 % CPU for this long in a row (two samples of Locust's), a generator measures itself."""

DRIFT_FROM_S = 120.0
"""A shorter run says nothing of drift."""

WARM_UP = 0.1
"""The share of a run that is left out of the drift: caches fill, users start."""


def make_report(
    environment: Environment,
    settings: Settings,
    node: Node,
    judge: Judge,
    run: Run,
    platform: Sequence[tuple[Query, Series | None]] = (),
    server_after: str | None = None,
) -> Report:
    """Judge the run as it is now, with what the platform's own figures say where they were asked for."""
    figures = snapshot(environment.stats, run.clock_set_by)
    rows = failures(environment.stats)
    reports = node.reports()
    results = evaluate_run(environment, judge, run, figures)
    writes = add_up_writes(reports)
    changes = compare(judge.baseline, figures, judge.tolerance)
    results += [judge_query(query, series) for query, series in platform]
    verdict = decide(
        results,
        Evidence(
            lost_writes=writes.missing(),
            stopped_early=run.missed,
            worse=[
                *critical_failures(judge.objectives, judged_window(run, figures)),
                *(str(change) for change in changes if change.worse),
            ],
            generator_broken=[*run.generator_broken, *node.lost(), *_crashes(environment), *_saturated(reports)],
            unproven=[*run.unproven, *_unproven(reports, figures), *_left_to_do(environment, run, figures)],
        ),
    )
    server = compare_sides(*server_figures(run.prepared.server_before, server_after), figures)
    return Report(
        run=_run(environment, settings, run, reports),
        verdict=verdict,
        snapshot=figures,
        failures=rows,
        findings=diagnose(rows, results, figures, server),
        writes=writes,
        leftovers=_leftovers(reports),
        history=run.history.samples,
        changes=changes,
        analysis=replace(analyse(run, judge.objectives), server=server),
    )


def analyse(run: Run, objectives: Sequence[Objective]) -> Analysis:
    """What the run's steps and history say."""
    shape, history = run.shape, run.history
    search = shape if isinstance(shape, CapacityShape) else None
    steps = search.steps if search else history.steps
    points = read_steps(steps, objectives)
    recovers, recovery_s = (None, None)
    if isinstance(shape, StagedShape) and (spike := spike_of(shape.strategy)) and run.seconds > spike[1]:
        recovers, recovery_s = read_recovery(history.samples, spike)
    return Analysis(
        curve=read_curve(points),
        capacity=search.found() if search else None,
        grew_most=read_growth(steps) if len(points) > 1 else None,
        broke_first=read_first_break(points) if len(points) > 1 else None,
        recovers=recovers,
        recovery_s=recovery_s,
        drift=read_drift(history.samples, WARM_UP * run.seconds) if run.seconds >= DRIFT_FROM_S else {},
    )


def _left_to_do(environment: Environment, run: Run, figures: Snapshot) -> list[str]:
    """Which tasks a strategy that is to run every task left out."""
    if not (run.shape and run.shape.every_task):
        return []
    firsts = {
        task.__name__: calls[0] for task in tasks_of(environment, options_of(environment)) if (calls := calls_of(task))
    }
    return [
        f"{run.shape.name} left out {name}: no request to {endpoint}"
        for name, endpoint in firsts.items()
        if not figures.endpoints.get(endpoint, Measurement()).requests
    ]


def _crashes(environment: Environment) -> list[str]:
    """Users that did not do what they should have done."""
    return [f"{count} x unexpected exception in a user: {text}" for text, count in crashes(environment)]


def _saturated(reports: Sequence[dict[str, object]]) -> list[str]:
    """That the load generator's own delays are in the figures: a sentence, or none."""
    saturated = max((float(str(report.get("saturated_s", 0))) for report in reports), default=0.0)
    if saturated < SATURATED_S:
        return []
    return [
        f"the load generator was above 90 % CPU for {saturated:.0f} s: its own delays are in the figures; "
        "spread the users over more workers"
    ]


def _unproven(reports: Sequence[dict[str, object]], figures: Snapshot) -> list[str]:
    """What the run should have shown and did not."""
    doubts = []
    without = sum(int(str(report.get("without_account", 0))) for report in reports)
    if without:
        doubts.append(f"{without} users found no account of their own")
    doubts += _strangers(reports)
    if not figures.total.requests:
        doubts.append("no request was made")
    return doubts


def _leftovers(reports: Sequence[dict[str, Any]]) -> list[Leftover]:
    entries = (entry for report in reports for entry in report.get("leftovers", ()))
    return sorted(Leftover(email, time, Trace(trace)) for email, time, trace in entries)


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


def _run(environment: Environment, settings: Settings, run: Run, reports: Sequence[dict[str, object]]) -> RunFacts:
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
        accounts=max((int(str(report.get("accounts", 0))) for report in reports), default=0),
    )
