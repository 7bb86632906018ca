"""What the analysis of a run says, in sentences."""

from collections.abc import Sequence

from chaterload.judge import numbers
from chaterload.judge.analysis import Analysis, Load
from chaterload.judge.capacity import Capacity
from chaterload.judge.curve import Curve, Shape
from chaterload.judge.drift import GENERATOR_CPU, GENERATOR_MEMORY, Drift, group_alike
from chaterload.judge.lateness import RateFigures
from chaterload.judge.measure import ALL, Endpoint
from chaterload.judge.numbers import milliseconds, plain, rate
from chaterload.judge.recovery import Recovery
from chaterload.judge.serverside import ServerSide
from chaterload.judge.trend import Trend
from chaterload.judge.unanswered import Unanswered
from chaterload.report.model import Report

MOST_EVENTS = 5
"""Told in sentences; the longest ones."""

WORTH_TELLING = 0.2
"""The share of an endpoint's time outside the server's own work from which on it is told."""

MOST_WAITING = 5
"""Endpoints whose waiting is told; the JSON has that of all."""

MOST_NAMES = 3
"""Endpoints that a sentence names; of more it says how many there are."""


def analysis_lines(analysis: Analysis) -> list[str]:
    """What the run's shape says, a sentence a line; none for a run too simple to say anything."""
    lines: list[str] = []
    if analysis.capacity:
        lines.append(capacity_line(analysis.capacity))
        lines += [f"    judged on too few requests: {objective}" for objective in analysis.capacity.unproven]
    if analysis.curve:
        lines.append(_curve_line(analysis.curve))
    if analysis.load:
        lines += _load_lines(analysis.load, told=analysis.capacity is not None)
    if analysis.recovery:
        lines.append(_recovery_line(analysis.recovery))
    if analysis.drift:
        lines += drift_lines(analysis.drift)
    lines += _server_lines(analysis.server)
    return ["", *lines] if lines else []


def capacity_line(capacity: Capacity) -> str:
    """The search's result in a sentence."""
    first = f"{capacity.first_broken_users} users" if capacity.first_broken_users else ""
    first = rate(capacity.first_broken_rps) if capacity.first_broken_rps else first
    broke = f"; {first} break {', '.join(capacity.broken)}" if first else ""
    return f"Capacity: {_what_held(capacity)}{broke}. The limit is {capacity.limit}."


def _what_held(capacity: Capacity) -> str:
    answered = rate(capacity.requests_per_second)
    if capacity.asked_rps:
        return f"{answered}, answered of {rate(capacity.asked_rps)} that were asked for, meet every objective"
    if not capacity.users:
        return "no step met every objective"
    low, high = (rate(bound).removesuffix(" req/s") for bound in capacity.interval_rps)
    return f"{capacity.users} users and {answered} (between {low} and {high}) meet every objective"


def _curve_line(curve: Curve) -> str:
    if curve.trend is Shape.UNCLEAR:
        return "Throughput against users: unclear, the steps have too few requests to tell"
    text = f"Throughput against users: {curve.trend}"
    if curve.knee_users is None or curve.plateau_rps is None:
        return text
    return f"{text}; the knee is at {curve.knee_users:.0f} users and {rate(curve.plateau_rps)}"


def _load_lines(load: Load, *, told: bool) -> list[str]:
    """`told` is whether another sentence says what broke."""
    fewest, most = load.users
    lines = []
    if not told:
        broke = load.broke_first
        lines.append(f"First to break: {broke[0]}, at {broke[1]} users" if broke else "First to break: nothing broke")
    slow = load.slowed_most
    if slow is None:
        return [*lines, f"Slowed down most: nothing slowed down from {fewest} to {most} users"]
    times = f"{milliseconds(slow.p95_before_ms)} -> {milliseconds(slow.p95_now_ms)}"
    grown = f"{slow.p95_now_ms / slow.p95_before_ms:.1f}-fold" if slow.p95_before_ms else "from nothing"
    return [*lines, f"Slowed down most: {slow.endpoint}, its p95 grew {grown} from {fewest} to {most} users ({times})"]


def _recovery_line(recovery: Recovery) -> str:
    if recovery.needed is None:
        return "Recovery from the spike: not known, too little was measured before it or in it"
    if not recovery.needed:
        return "Recovery from the spike: there was no slow-down to recover from"
    after = "not within the run" if recovery.seconds is None else f"within {recovery.seconds:.0f} s after its end"
    return f"Recovery from the spike: {after}"


def drift_lines(drift: Drift) -> list[str]:
    """Every trend, those that are alike in one line."""
    groups = group_alike(drift)
    if not groups:
        load = f"with {drift.users} users" if drift.asked_rps is None else f"at {rate(drift.asked_rps)}"
        return [f"Drift: none in {_duration(drift.seconds)} {load}"]
    endpoints = [endpoint for endpoint in drift.trends if endpoint.method]
    return [f"Drift: {_names(names, len(endpoints))}: {drift_text(drift, names)}" for names in groups]


def drift_text(drift: Drift, names: Sequence[Endpoint]) -> str:
    """`+60 ms per minute, 100 ms -> 310 ms`; of several endpoints, whose trends are alike, the middle one's."""
    trends = sorted((drift.trends[name] for name in names), key=lambda trend: trend.slope)
    middle = trends[len(trends) // 2]
    return trend_text(middle, names[0])


def trend_text(trend: Trend, name: Endpoint) -> str:
    """One trend, in units that people use."""
    slope, unit = _per_time(trend.slope)
    if name == GENERATOR_CPU:
        return f"{_signed(slope)} points per {unit}, {plain(trend.first)} -> {plain(trend.last)} %"
    if name == GENERATOR_MEMORY:
        return f"{_signed(slope)} MB per {unit}, {plain(trend.first)} -> {plain(trend.last)} MB"
    return f"{_signed(slope)} ms per {unit}, {milliseconds(trend.first)} -> {milliseconds(trend.last)}"


def _signed(value: float) -> str:
    return f"{'-' if value < 0 else '+'}{plain(abs(value))}"


def _per_time(per_second: float) -> tuple[float, str]:
    """A slope in the largest unit of time that is needed to make it 1 or more."""
    for seconds, unit in ((60, "minute"), (3600, "hour")):
        if abs(per_second) * seconds >= 1:
            return per_second * seconds, unit
    return per_second * 86400, "day"


def _names(names: Sequence[Endpoint], endpoints: int) -> str:
    own = [name for name in names if name != ALL]
    if len(own) <= MOST_NAMES:
        return ", ".join(map(str, own or names))
    return f"all {endpoints} endpoints" if len(own) == endpoints else f"{len(own)} of {endpoints} endpoints"


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{plain(seconds / 3600)} h"


def _server_lines(server: ServerSide) -> list[str]:
    """Where requests wait for more than a fifth of their time, or why nobody knows."""
    if server.note:
        return [f"Server's own times: not used, {server.note}"]
    waiting = [time for time in server.times if time.waiting_ms > WORTH_TELLING * time.ours_ms]
    if not waiting:
        return []
    head = "At these endpoints, more than a fifth of the time is not the server's own work, mostly waiting. Mean ms:"
    rounded = [(time.endpoint, *time.whole_ms) for time in waiting[:MOST_WAITING]]
    rows = [f"    {endpoint}: {ours} = {own} own work + {rest}" for endpoint, ours, own, rest in rounded]
    more = len(waiting) - len(rows)
    return [head, *rows, *([f"    and {more} more, which wait less"] if more else [])]


def unanswered_lines(rows: Sequence[Unanswered]) -> list[str]:
    """The requests that were cut off without an answer, a line an endpoint; none where all were answered."""
    return [
        f"Unanswered  {row.count} x {row.endpoint}, the oldest not after {milliseconds(row.oldest_ms)}: {_proves(row)}"
        for row in rows
    ]


def event_lines(report: Report) -> list[str]:
    """The longest time without any answer, and what happened at one time of the run, a line each."""
    start, events = report.run.start.timestamp(), report.events
    shown = sorted(sorted(events, key=lambda event: -event.seconds)[:MOST_EVENTS], key=lambda event: event.start)
    longest = numbers.silence(report.verdict.evidence.longest_silence_s)
    lines = [f"Silence     the longest time without any answer while requests were open: {longest}"]
    lines += [f"Event       {event.sentence(start)}" for event in shown]
    if len(events) > len(shown):
        lines.append(f"            and {len(events) - len(shown)} shorter ones: the JSON has them all")
    return lines


def rate_lines(figures: RateFigures | None) -> list[str]:
    """What a run by rate was asked for and what came of it, in a line; none in a run by users."""
    return [f"Arrivals    {figures}"] if figures else []


def _proves(row: Unanswered) -> str:
    if not row.failed:
        return "too young to be failures"
    return "failures" if row.failed == row.count else f"{row.failed} of them are failures, the others too young"
