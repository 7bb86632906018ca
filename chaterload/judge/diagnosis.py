"""What went wrong, what it usually means and what to do. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chaterload.chater.answers import Kind
from chaterload.judge.measure import Endpoint
from chaterload.judge.objectives import Result, State
from chaterload.judge.verdict import CRITICAL_ABOVE


@dataclass(frozen=True)
class Failures:
    """One row of the failures: `kind` is None for a failure that is none of ours, told by `text`."""

    endpoint: Endpoint
    kind: Kind | None
    text: str
    count: int

    @property
    def title(self) -> str:
        return self.kind.title if self.kind else self.text


@dataclass(frozen=True)
class Recent:
    """One row of the failures, and how many seconds ago it was last seen."""

    failures: Failures
    age_s: float


@dataclass(frozen=True)
class Finding:
    """One thing to know at the end of a run."""

    title: str
    count: int
    where: tuple[str, ...]
    meaning: str
    action: str


def diagnose(failures: Iterable[Failures], results: Sequence[Result], failure_ratio: float) -> list[Finding]:
    """The findings, the most frequent kind first; then what no single answer shows."""
    counts: Counter[Kind | None] = Counter()
    where: dict[Kind | None, list[str]] = defaultdict(list)
    for row in failures:
        counts[row.kind] += row.count
        where[row.kind].append(str(row.endpoint))
    findings = [_of_kind(kind, count, where[kind]) for kind, count in counts.most_common()]
    if counts and failure_ratio > CRITICAL_ABOVE:
        findings.append(_many_failures(sum(counts.values()), counts))
    slow = [result for result in results if result.state is State.MISSED and result.objective.is_time]
    if slow:
        findings.append(_slow(slow))
    return findings


def _of_kind(kind: Kind | None, count: int, where: list[str]) -> Finding:
    places = tuple(dict.fromkeys(where))
    if kind is None:
        return Finding(
            "other", count, places, "a failure of the load test itself", "read the failures table and the log"
        )
    return Finding(kind.title, count, places, kind.meaning, kind.action)


def _many_failures(count: int, counts: Counter[Kind | None]) -> Finding:
    kind = counts.most_common(1)[0][0]
    most = kind.title if kind else "other"
    return Finding(
        "more than 5 % failures",
        count,
        (),
        f"the system does not hold this load, or the test is set up wrongly; most frequent: {most}",
        "mend the most frequent kind first; if it holds, try with half the users",
    )


def _slow(slow: list[Result]) -> Finding:
    return Finding(
        "slow answers",
        sum(result.requests for result in slow),
        tuple(dict.fromkeys(str(result.objective.endpoint) for result in slow)),
        "requests wait for a free server worker, or the work behind them is slow",
        "compare with a run of one user: as slow means slow work, faster means too few workers for this load",
    )
