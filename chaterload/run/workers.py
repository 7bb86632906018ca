"""What a master knows of its workers."""

import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from chaterload import __version__
from chaterload.chater.answer_gaps import AnswerGap, with_longest
from chaterload.chater.dishes import Trace
from chaterload.chater.leases import AccountPool
from chaterload.judge.silence import Watched
from chaterload.run.protocol import CheckAnswer


class WorkerState(StrEnum):
    """Where a worker stands in a run."""

    CHECKED = "checked"
    RUNNING = "running"
    FINISHED = "finished"
    LOST = "lost"


@dataclass
class WorkerRecord:
    """What the master knows of one worker in this run."""

    process: str
    """Where it runs, for people."""
    state: WorkerState = WorkerState.CHECKED
    report: dict[str, Any] = field(default_factory=dict)
    """What it told last."""
    samples: list[dict[str, Any]] = field(default_factory=list)
    """Failures to look at; each is told once."""
    watched: Watched = field(default_factory=Watched)
    """When it got no answer, by this process's clock."""
    begun: dict[int, str] = field(default_factory=dict)
    """The dishes that it began and that are not known to be gone: their accounts by time."""
    left: int = 0
    """How many dishes it has to remove, while it cleans up."""
    lost_because: str = ""
    _gaps: list[AnswerGap] = field(default_factory=list)

    def take(self, report: dict[str, Any]) -> None:
        """What it told just now. It is as exact as the message was quick: no clock of another machine is read."""
        self.report = report
        self.samples += report.get("samples", ())
        for time_ms in report.get("closed", ()):
            self.begun.pop(time_ms, None)
        if told := report.get("gaps"):
            now = time.monotonic()
            self._gaps = with_longest([*self._gaps, *(AnswerGap.from_list(gap, now) for gap in told["new"])])
            current = [AnswerGap.from_list(told["current"], now)] if told["current"] else []
            self.watched = Watched([*self._gaps, *current], now - told["began"], now - told["ended"])

    def lose(self, why: str) -> bool:
        """Whether it was not lost before."""
        is_news = self.state is not WorkerState.LOST
        if is_news:
            self.state, self.lost_because = WorkerState.LOST, why
        return is_news

    def final_report(self) -> dict[str, Any]:
        """What it did; of the dishes of a lost worker nothing is certain."""
        report = {**self.report, "samples": self.samples, "watched": self.watched}
        if self.state is not WorkerState.LOST:
            return report
        return {**report, "leftovers": [[email, time, str(Trace.UNCLEAR)] for time, email in self.begun.items()]}


def misfits(answer: CheckAnswer, book: AccountPool | None) -> list[str]:
    """Why a worker cannot join the run that goes on, whose accounts `book` holds."""
    problems = list(answer.problems)
    if answer.version != __version__:
        problems.append(f"It runs version {answer.version} of this project, and its master {__version__}.")
    if book and answer.accounts < book.accounts:
        problems.append(f"It has {answer.accounts} accounts, and the run uses {book.accounts}.")
    return problems
