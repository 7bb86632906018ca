"""From results to one verdict: pass, fail or invalid. Pure."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from chaterload.exits import Exit
from chaterload.judge.measure import ALL, Snapshot, add_up
from chaterload.judge.numbers import percent
from chaterload.judge.objectives import FAILURE_RATIO, Objective, Result, State

INVESTIGATE_FROM = 0.01
CRITICAL_ABOVE = 0.05


class Outcome(StrEnum):
    """The verdict in a word."""

    PASS = "pass"  # no password
    FAIL = "fail"
    INVALID = "invalid"


EXIT_OF = {Outcome.PASS: Exit.MET, Outcome.FAIL: Exit.MISSED, Outcome.INVALID: Exit.INVALID}


class Grade(StrEnum):
    """How bad the share of failed requests is."""

    ACCEPTABLE = "acceptable"
    INVESTIGATE = "investigate"
    CRITICAL = "critical"


def grade(failure_ratio: float) -> Grade:
    """Below 1 % acceptable, from 1 to 5 % investigate, above 5 % critical."""
    if failure_ratio < INVESTIGATE_FROM:
        return Grade.ACCEPTABLE
    return Grade.CRITICAL if failure_ratio > CRITICAL_ABOVE else Grade.INVESTIGATE


_TIERS = (
    (200.0, "high"),
    (math.nextafter(100.0, math.inf), "between normal and high"),
    (50.0, "normal"),
    (math.nextafter(20.0, math.inf), "between low and normal"),
    (10.0, "low"),
)
"""From how many requests per second, highest first. The platform's documentation names low 10-20, normal 50-100, high
200 and more, bounds included."""


def tier(requests_per_second: float) -> str:
    """Where a throughput lies among what the platform calls low, normal and high."""
    return next((name for bound, name in _TIERS if requests_per_second >= bound), "below low")


@dataclass(frozen=True)
class Evidence:
    """What speaks of a run besides its objectives: each a sentence without a full stop."""

    lost_writes: Sequence[str] = ()
    """A fact, whatever the load generator did."""
    stopped_early: Sequence[str] = ()
    """Why the run was ended as a failure before its time."""
    worse: Sequence[str] = ()
    """What else the figures prove: a regression, failures that no objective limits."""
    generator_broken: Sequence[str] = ()
    """Workers lost, saturated, late: what it measured proves nothing."""
    unproven: Sequence[str] = ()
    """What the run should have shown and did not."""
    silences: Sequence[str] = ()
    """When nothing was answered, although it should have been."""
    longest_silence_s: float = 0.0
    """The longest time without any answer while requests were open; 0 where each was shorter than is kept."""


@dataclass(frozen=True)
class Verdict:
    """The answer, and why: the weightiest reason first."""

    outcome: Outcome
    reasons: tuple[str, ...]
    results: tuple[Result, ...]
    evidence: Evidence = Evidence()

    @property
    def exit_code(self) -> Exit:
        return EXIT_OF[self.outcome]

    def proves(self, result: Result) -> bool:
        """Whether a missed objective is proof: what a broken generator measured is none."""
        return result.objective.measure.by_platform or not self.evidence.generator_broken


def decide(results: Sequence[Result], evidence: Evidence = Evidence()) -> Verdict:
    """The verdict on a run: what is proven wrong outweighs what is unproven.

    The times and counts of a broken generator prove nothing; a lost write and the platform's own figures do.
    """
    missed = [result for result in results if result.state is State.MISSED]
    facts = [*evidence.lost_writes, *(str(result) for result in missed if result.objective.measure.by_platform)]
    measured = [
        *evidence.stopped_early,
        *(str(result) for result in missed if not result.objective.measure.by_platform),
        *evidence.silences,
        *evidence.worse,
    ]
    unproven = [*evidence.unproven, *_unproven(results)]
    broken = list(evidence.generator_broken)
    proven = facts if broken else facts + measured
    outcome = Outcome.FAIL if proven else Outcome.INVALID if broken or unproven else Outcome.PASS
    reasons = dict.fromkeys([*proven, *broken, *unproven, *measured])
    return Verdict(outcome, tuple(reasons), tuple(results), evidence)


def _unproven(results: Sequence[Result]) -> list[str]:
    without_data = [str(result) for result in results if result.state is State.NO_DATA]
    if not without_data and all(result.state is State.NOT_APPLICABLE for result in results):
        return ["nothing was judged: no objective applies to this run"]
    return without_data


def critical_failures(objectives: Collection[Objective], snapshot: Snapshot) -> list[str]:
    """That too many requests failed, where no objective says how many may: a sentence, or none.

    An objective on the failures of all requests is the file's own answer, and one on those of an endpoint is for that
    endpoint.
    """
    limited = {objective.endpoint for objective in objectives if objective.measure == FAILURE_RATIO}
    if ALL in limited:
        return []
    others = add_up(m for endpoint, m in snapshot.endpoints.items() if endpoint not in limited)
    if grade(others.failure_ratio) is not Grade.CRITICAL:
        return []
    which = "requests without a failure_ratio of their own" if limited else "all requests"
    return [f"failures are critical: {percent(others.failure_ratio)} of {which} failed, and no objective allows that"]
