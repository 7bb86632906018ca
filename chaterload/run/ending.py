"""From Locust's figures to a Report."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from platform import python_version
from typing import Any

import locust
from locust.env import Environment
from locust.stats import RequestStats, StatsEntry, StatsError

from chaterload import __version__
from chaterload.chater.answers import Kind
from chaterload.chater.settings import Settings, shown
from chaterload.chater.shared import Leftover
from chaterload.chater.user import FAILURES
from chaterload.chater.writes import Writes
from chaterload.judge.analysis import (
    Analysis,
    read_curve,
    read_drift,
    read_first_break,
    read_growth,
    read_recovery,
    read_steps,
)
from chaterload.judge.baseline import Earlier, compare, load_baseline
from chaterload.judge.diagnosis import Failures, Recent, diagnose
from chaterload.judge.history import History
from chaterload.judge.measure import ALL, Endpoint, Measurement, Snapshot
from chaterload.judge.objectives import DEFAULT_FILE, Objective, Result, evaluate, parse_objectives, read_document
from chaterload.judge.queries import Query, Series, ask, judge_query, parse_queries
from chaterload.judge.serverside import Work, compare_sides, parse_metrics, read_metrics
from chaterload.judge.verdict import decide
from chaterload.load.scenario import asked, calls_of
from chaterload.load.shapes import CapacityShape, NamedShape, StagedShape
from chaterload.load.strategies import spike_of
from chaterload.report.model import Report, Run
from chaterload.run.node import Role, all_tasks, options_of, tasks_of

SATURATED_S = 20.0
"""Above 90 % CPU for this long in a row (two samples of Locust's), a generator measures itself."""

DRIFT_FROM_S = 120.0
"""A shorter run says nothing of drift."""

WARM_UP = 0.1
"""The share of a run that is left out of the drift: caches fill, users start."""

ServerFigures = Mapping[Endpoint, Work] | None

_KIND_OF_TEXT = {StatsError.parse_error(error): kind for kind, error in FAILURES.items()}


@dataclass
class Judge:
    """What a run is judged by."""

    objectives: Sequence[Objective]
    baseline: dict[Endpoint, Earlier] = field(default_factory=dict)
    tolerance: float = 0.1
    queries: Sequence[Query] = ()

    @classmethod
    def load(cls, objectives: str | None, baseline: str | None, tolerance: float) -> "Judge":
        """Read the files that the options name. Refused when one of them is wrong."""
        path = Path(objectives) if objectives else DEFAULT_FILE
        document = read_document(path)
        return cls(
            parse_objectives(document, str(path)),
            load_baseline(Path(baseline)) if baseline else {},
            tolerance,
            parse_queries(document, str(path)),
        )


@dataclass
class Course:
    """How a run went, besides its figures. Made when it starts; its length is that of a clock nobody can set."""

    start: datetime
    history: History = field(default_factory=History)
    workers: int = 0
    shape: NamedShape | None = None
    invalid: list[str] = field(default_factory=list)
    """Why it proves nothing, as far as seen on the way."""
    missed: list[str] = field(default_factory=list)
    """Why it was stopped early, as the failure that it is."""
    server_before: str | None = None
    """The server's /metrics at the start, None where it has none."""

    _began: float = field(default_factory=lambda: time.monotonic(), init=False)
    _ended: float | None = field(default=None, init=False)
    _offset: float = field(default_factory=lambda: time.time() - time.monotonic(), init=False)

    def finish(self) -> None:
        """The users are about to be stopped. Only the first call counts."""
        if self._ended is None:
            self._ended = time.monotonic()

    @property
    def finished(self) -> bool:
        return self._ended is not None

    @property
    def seconds(self) -> float:
        """So far, or in all."""
        return (time.monotonic() if self._ended is None else self._ended) - self._began

    @property
    def end(self) -> datetime:
        """Now, while it goes on."""
        return self.start + timedelta(seconds=self.seconds)

    @property
    def clock_set_by(self) -> float:
        """By how many seconds somebody set the clock since the start; Locust's own times follow it."""
        return time.time() - time.monotonic() - self._offset


def measurement(entry: StatsEntry) -> Measurement:
    """A row of Locust's statistics, as it is now."""
    times = dict(entry.response_times)
    return Measurement(
        entry.num_requests, entry.num_failures, times, float(entry.total_response_time), float(entry.max_response_time)
    )


def snapshot(stats: RequestStats, clock_set_by: float = 0.0) -> Snapshot:
    """All of Locust's statistics, as they are now."""
    endpoints = {Endpoint(method, path): measurement(entry) for (path, method), entry in stats.entries.items()}
    seconds = (stats.last_request_timestamp or stats.start_time) - stats.start_time
    return Snapshot(endpoints, max(0.0, seconds - clock_set_by))


def failures(stats: RequestStats) -> list[Failures]:
    """Locust's failures table, with the kind of each row; the most frequent first."""
    rows = [_failure(error) for error in stats.errors.values()]
    return sorted(rows, key=lambda row: -row.count)


def last_failures(stats: RequestStats) -> list[Recent]:
    """The same rows with their age, the latest first."""
    now = time.time()
    rows = [Recent(_failure(error), max(0.0, now - (error.last_seen or now))) for error in stats.errors.values()]
    return sorted(rows, key=lambda row: row.age_s)


def _failure(error: StatsError) -> Failures:
    text = StatsError.parse_error(error.error)
    kind: Kind | None = _KIND_OF_TEXT.get(text)
    return Failures(Endpoint(error.method, error.name), kind, text[:200], error.occurrences)


def ask_platform(settings: Settings, judge: Judge, course: Course) -> list[tuple[Query, Series | None]]:
    """What Prometheus says of the run; nothing where the settings name none."""
    if not settings.prometheus_url:
        return []
    return [(query, ask(settings.prometheus_url, query, course.start, course.end)) for query in judge.queries]


def ask_server(environment: Environment, settings: Settings) -> str | None:
    """The server's /metrics as they are now, None where it has none."""
    return read_metrics(environment.host or settings.host, tls_verify=settings.tls_verify)


def make_report(
    environment: Environment,
    settings: Settings,
    role: Role,
    judge: Judge,
    course: Course,
    platform: Sequence[tuple[Query, Series | None]] = (),
    server_after: str | None = None,
) -> Report:
    """Judge the run as it is now, with what the platform's own figures say where they were asked for."""
    figures = snapshot(environment.stats, course.clock_set_by)
    rows = failures(environment.stats)
    reports = role.reports()
    results = evaluate_run(environment, judge, course, figures)
    writes = add_up_writes(reports)
    changes = compare(judge.baseline, figures, judge.tolerance)
    results += [judge_query(query, series) for query, series in platform]
    verdict = decide(
        results,
        invalid=[*course.invalid, *_doubts(role, reports, figures), *_left_to_do(environment, course, figures)],
        missed=[*course.missed, *writes.missing(), *(str(change) for change in changes if change.worse)],
        stopped_early=bool(course.missed),
    )
    return Report(
        run=_run(environment, settings, course),
        verdict=verdict,
        snapshot=figures,
        failures=rows,
        findings=diagnose(rows, results, figures.total.failure_ratio),
        writes=writes,
        leftovers=sorted(Leftover(*entry) for report in reports for entry in report.get("leftovers", ())),
        history=course.history.samples,
        changes=changes,
        analysis=replace(
            analyse(course, judge.objectives),
            server=compare_sides(*_server_figures(course.server_before, server_after), figures),
        ),
    )


def evaluate_run(environment: Environment, judge: Judge, course: Course, figures: Snapshot) -> list[Result]:
    """What came of the objectives by these figures, or by the best step of a search."""
    judged = course.shape.best() if isinstance(course.shape, CapacityShape) else None
    return evaluate(judge.objectives, judged.window if judged else figures, left_out(environment))


def add_up_writes(reports: Iterable[Mapping[str, Any]]) -> Writes:
    """Those of all processes."""
    writes = Writes()
    for report in reports:
        if "writes" in report:
            writes.add(Writes.from_dict(report["writes"]))
    return writes


def _server_figures(before: str | None, after: str | None) -> tuple[ServerFigures, ServerFigures]:
    if before is None or after is None:
        return None, None
    return parse_metrics(before), parse_metrics(after)


def analyse(course: Course, objectives: Sequence[Objective]) -> Analysis:
    """What the run's steps and history say."""
    shape, history = course.shape, course.history
    search = shape if isinstance(shape, CapacityShape) else None
    steps = search.steps if search else history.steps
    points = read_steps(steps, objectives)
    recovers, recovery_s = (None, None)
    if isinstance(shape, StagedShape) and (spike := spike_of(shape.strategy)) and course.seconds > spike[1]:
        recovers, recovery_s = read_recovery(history.samples, spike)
    return Analysis(
        curve=read_curve(points),
        capacity=search.found() if search else None,
        grew_most=read_growth(steps) if len(points) > 1 else None,
        broke_first=read_first_break(points) if len(points) > 1 else None,
        recovers=recovers,
        recovery_s=recovery_s,
        drift=read_drift(history.samples, WARM_UP * course.seconds) if course.seconds >= DRIFT_FROM_S else {},
    )


def _left_to_do(environment: Environment, course: Course, figures: Snapshot) -> list[str]:
    """Which tasks a strategy that is to run every task left out."""
    if not (course.shape and course.shape.every_task):
        return []
    firsts = {
        task.__name__: calls[0] for task in tasks_of(environment, options_of(environment)) if (calls := calls_of(task))
    }
    return [
        f"{course.shape.name} left out {name}: no request to {endpoint}"
        for name, endpoint in firsts.items()
        if not figures.endpoints.get(endpoint, Measurement()).requests
    ]


def never_asked(environment: Environment, objectives: Iterable[Objective]) -> list[str]:
    """The paths of objectives that no task says it asks, tags aside; none where a task does not say what it asks."""
    tasks = all_tasks(environment)
    if not all(calls_of(task) for task in tasks):
        return []
    known = asked(tasks) | {ALL}
    return [str(endpoint) for endpoint in dict.fromkeys(o.endpoint for o in objectives) if endpoint not in known]


def left_out(environment: Environment) -> set[Endpoint]:
    """The endpoints that tasks ask which the tags left out."""
    return asked(all_tasks(environment)) - asked(tasks_of(environment, options_of(environment)))


def _doubts(role: Role, reports: list[dict[str, object]], figures: Snapshot) -> list[str]:
    """Why the figures prove nothing."""
    doubts = role.lost()
    saturated = max((float(str(report.get("saturated_s", 0))) for report in reports), default=0.0)
    if saturated >= SATURATED_S:
        doubts.append(
            f"the load generator was above 90 % CPU for {saturated:.0f} s: its own delays are in the figures; "
            "spread the users over more workers"
        )
    without = sum(int(str(report.get("without_account", 0))) for report in reports)
    if without:
        doubts.append(f"{without} users found no account of their own")
    if not figures.total.requests:
        doubts.append("no request was made")
    return doubts


def _run(environment: Environment, settings: Settings, course: Course) -> Run:
    options = options_of(environment)
    return Run(
        host=environment.host or settings.host,
        start=course.start,
        end=course.end,
        users=course.history.peak_users,
        workers=course.workers,
        strategy=course.shape.name if course.shape else None,
        tags=tuple(options.tags or ()),
        exclude_tags=tuple(options.exclude_tags or ()),
        versions={
            "chater-load-test": __version__,
            "locust": locust.__version__,
            "python": python_version(),
        },
        settings=shown(settings),
    )
