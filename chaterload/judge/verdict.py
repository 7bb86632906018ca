"""From results to one verdict: pass, fail or invalid. Pure."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from chaterload.exits import Exit
from chaterload.judge.objectives import Result, State

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
class Verdict:
    """The answer, and why."""

    outcome: Outcome
    reasons: tuple[str, ...]
    results: tuple[Result, ...]

    @property
    def exit_code(self) -> Exit:
        return EXIT_OF[self.outcome]


def decide(
    results: Sequence[Result],
    invalid: Collection[str] = (),
    missed: Collection[str] = (),
    *,
    stopped_early: bool = False,
) -> Verdict:
    """The verdict on a run. `invalid` and `missed` are further reasons, from outside the objectives.

    Invalid outweighs missed: a run that proves nothing does not prove that something is slow. One that was stopped
    early because it kept failing proves that, whatever it had no time for.
    """
    unproven = [
        *invalid,
        *(
            f"{result.objective.endpoint} has {_count(result.requests)}, too few to judge"
            for result in results
            if result.state is State.NO_DATA and not stopped_early
        ),
    ]
    failed = [*(str(result) for result in results if result.state is State.MISSED), *missed]
    outcome = Outcome.INVALID if unproven else Outcome.FAIL if failed else Outcome.PASS
    return Verdict(outcome, tuple(dict.fromkeys([*unproven, *failed])), tuple(results))


def _count(requests: int) -> str:
    return f"{requests or 'no'} request{'' if requests == 1 else 's'}"
