"""What went wrong, what it usually means and what to do. Pure."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chaterload.chater.kinds import FailureKind, Trait
from chaterload.chater.samples import FailureSample
from chaterload.judge.events import Event
from chaterload.judge.measure import ALL, Z_99, Endpoint, EndpointStats, Snapshot
from chaterload.judge.numbers import percent
from chaterload.judge.objectives import Result, State
from chaterload.judge.serverside import ServerSide
from chaterload.judge.silence import FAULT_S
from chaterload.judge.verdict import CRITICAL_ABOVE


@dataclass(frozen=True)
class FailureCount:
    """One row of the failures: `kind` is None for a failure that is none of ours, told by `text`."""

    endpoint: Endpoint
    kind: FailureKind | None
    text: str
    count: int

    @property
    def title(self) -> str:
        return self.kind.title if self.kind else self.text


@dataclass(frozen=True)
class RecentFailure:
    """One row of the failures, and how many seconds ago it was last seen."""

    failures: FailureCount
    age_s: float


MOST_NAMED = 3
"""Endpoints that a sentence names; of more it says how many."""

MOSTLY = 0.8
"""The share of the failures from which on they are those of some events."""

UNKNOWN = ServerSide()
"""A server that tells nothing of its own times."""


@dataclass(frozen=True)
class Finding:
    """One thing to know at the end of a run."""

    title: str
    count: int
    where: tuple[str, ...]
    place: str
    """Where, in words: `at GET /a, GET /b`, or `at 11 of 12 endpoints alike`; empty where that says nothing."""
    meaning: str
    action: str
    came: str = ""
    """With which status the first ones came, a sentence; empty where that says nothing."""
    certain: bool = False
    """Whether the run's own figures show what it means; else it is what such a thing usually means."""

    @property
    def headline(self) -> str:
        return f"{self.count} x {self.title} {self.place}".rstrip()

    @property
    def explanation(self) -> str:
        meaning = self.meaning[:1].upper() + self.meaning[1:] if self.certain else f"Usually {self.meaning}"
        return f"{self.came} {meaning}".lstrip()

    @property
    def advice(self) -> str:
        return f"{self.explanation}. What to do: {self.action}."


def diagnose(
    failures: Iterable[FailureCount],
    results: Sequence[Result],
    snapshot: Snapshot,
    server: ServerSide = UNKNOWN,
    samples: Sequence[FailureSample] = (),
    events: Sequence[Event] = (),
    generator_broken: bool = False,
) -> list[Finding]:
    """The findings, the most frequent kind first; then what no single answer shows.

    A broken load generator's own delays may be in the times, so that slow answers say nothing of the server then.
    """
    counts: dict[FailureKind | None, Counter[Endpoint]] = defaultdict(Counter)
    for row in failures:
        counts[row.kind][row.endpoint] += row.count
    by_count = sorted(counts.items(), key=lambda item: -item[1].total())
    findings = [_of_kind(kind, where, snapshot, samples) for kind, where in by_count]
    if by_count and snapshot.total.failure_ratio > CRITICAL_ABOVE and _may_be_load(by_count[0][0]):
        findings.append(_many_failures(by_count, snapshot, events))
    slow = _slow_answers(_missed_limits(results, snapshot), snapshot)
    if slow:
        findings.append(_slow_here(slow, snapshot) if generator_broken else _slow(slow, snapshot, server, events))
    return findings


def _may_be_load(kind: FailureKind | None) -> bool:
    return kind is not None and Trait.MAY_BE_LOAD in kind.traits


def _of_kind(
    kind: FailureKind | None, counts: Counter[Endpoint], snapshot: Snapshot, samples: Sequence[FailureSample]
) -> Finding:
    title, meaning, action = (
        (kind.title, kind.meaning, kind.action)
        if kind
        else (
            "other",
            "a failure that a task of your own tells, or one of the load test itself",
            "read the failures table and the log",
        )
    )
    where = tuple(map(str, counts))
    came = _statuses(sample.status for sample in samples if sample.kind == title)
    return Finding(title, counts.total(), where, _place(counts, snapshot), meaning, action, came)


def _statuses(statuses: Iterable[int | None]) -> str:
    """What the first ones came with, where it is no 200, which the kind itself explains."""
    told = sorted({status for status in statuses if status not in (None, 200)}, key=str)
    return f"Status {', '.join(map(str, told))} came first." if told else ""


def _place(counts: Counter[Endpoint], snapshot: Snapshot) -> str:
    """Where so many requests are, out of those that the snapshot has."""
    if len(counts) <= MOST_NAMED:
        return f"at {', '.join(map(str, counts))}" if counts else ""
    asked = {endpoint: m.requests for endpoint, m in snapshot.endpoints.items() if m.requests}
    text = f"at {len(counts)} of {max(len(asked), len(counts))} endpoints"
    return f"{text} alike" if _are_alike(counts, asked) else f"{text}, most at {counts.most_common(1)[0][0]}"


def _are_alike(counts: Counter[Endpoint], asked: Mapping[Endpoint, int]) -> bool:
    """Whether each endpoint has no other share of them than chance explains, at 99 % an endpoint."""
    requests = sum(asked.get(endpoint, 0) for endpoint in counts)
    if not requests:
        return False
    share = min(1.0, counts.total() / requests)
    return all(
        abs(count - n * share) <= Z_99 * math.sqrt(n * share * (1 - share)) + 1
        for endpoint, count in counts.items()
        for n in (asked.get(endpoint, 0),)
    )


def _many_failures(
    by_count: Sequence[tuple[FailureKind | None, Counter[Endpoint]]], snapshot: Snapshot, events: Sequence[Event]
) -> Finding:
    count = sum(where.total() for _, where in by_count)
    most = by_count[0][0]
    assert most is not None
    title = "more than 5 % failures"
    failing = [(endpoint, m) for endpoint, m in snapshot.endpoints.items() if m.failures]
    if failing and all(m.failures == m.requests for _, m in failing):
        everything = snapshot.total.failures == snapshot.total.requests
        which = (
            "" if everything else f" {_place(Counter({e: m.failures for e, m in failing}), snapshot)}, and no other,"
        )
        meaning = f"every request{which} failed, which load alone seldom does; most frequent: {most.title}"
        action = "see first that a single user gets answers"
        return Finding(title, count, (), "", meaning, action, certain=True)
    together = sum(sum(event.failures.values()) for event in events)
    if together >= MOSTLY * count:
        meaning = f"{together} of them came in {len(events)} event{'' if len(events) == 1 else 's'}, told above"
        return Finding(title, count, (), "", meaning, "look at what the server did at that time", certain=True)
    meaning = f"the system does not hold this load, or fails at any; most frequent: {most.title}"
    action = "fix the most frequent kind first; a run with half the load shows whether the load is the reason"
    return Finding(title, count, (), "", meaning, action)


def _missed_limits(results: Iterable[Result], snapshot: Snapshot) -> dict[Endpoint, float]:
    """The lowest limit on response times that was missed, in ms, of each endpoint that it is for."""
    limits: dict[Endpoint, float] = {}
    for objective in (r.objective for r in results if r.state is State.MISSED and r.objective.is_time):
        for endpoint in snapshot.endpoints if objective.endpoint == ALL else (objective.endpoint,):
            limits[endpoint] = min(objective.limit, limits.get(endpoint, math.inf))
    return limits


def _slow_answers(limits: Mapping[Endpoint, float], snapshot: Snapshot) -> Counter[Endpoint]:
    """How many answers of each endpoint were not below its limit. What nobody answered is a finding of its own."""
    nothing = EndpointStats()
    found = {endpoint: snapshot.endpoints.get(endpoint, nothing) for endpoint in limits}
    slow = {e: sum(n for ms, n in found[e].times.items() if ms >= limit) for e, limit in limits.items()}
    return +Counter({endpoint: count - found[endpoint].unanswered for endpoint, count in slow.items()})


def _slow_here(counts: Counter[Endpoint], snapshot: Snapshot) -> Finding:
    """So many slow answers, which may be the load generator's own doing."""
    meaning = "the load generator's own delays may be in these times, which then say nothing of the server"
    action = "see to the load generator first, as the reasons say, and repeat the run"
    where = tuple(map(str, counts))
    return Finding("slow answers", counts.total(), where, _place(counts, snapshot), meaning, action, certain=True)


def _slow(counts: Counter[Endpoint], snapshot: Snapshot, server: ServerSide, events: Sequence[Event]) -> Finding:
    """So many slow answers: those of a silence, or where their endpoints spend the time if the server tells."""
    where = tuple(map(str, counts))
    place = _place(counts, snapshot)
    silent = sum(event.open for event in events if event.silent_s >= FAULT_S)
    if silent >= MOSTLY * counts.total():
        meaning = (
            f"{silent} requests were open while nothing was answered, told above, which explains as many slow ones"
        )
        action = "look at what the server did at that time; a run without that shows how fast it is"
        return Finding("slow answers", counts.total(), where, place, meaning, action, certain=True)
    waiting = server.waiting_share({endpoint: snapshot.endpoints[endpoint].requests for endpoint in counts})
    if waiting is None:
        meaning = "requests wait for a free server worker, or the work behind them is slow"
        action = "compare with a run of one user: as slow means slow work, faster means too few workers for this load"
        return Finding("slow answers", counts.total(), where, place, meaning, action)
    if waiting >= 0.5:
        meaning = f"{percent(waiting)} of the time is spent waiting for a free server worker"
        action = "give the server more workers, or less load; faster work would help less"
    else:
        meaning = f"{percent(1 - waiting)} of the time is the server's own work"
        action = "make that work faster, or what it waits for; more workers in front of it would help less"
    return Finding("slow answers", counts.total(), where, place, meaning, action, certain=True)
