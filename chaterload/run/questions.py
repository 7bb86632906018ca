"""Questions that a master asks its workers, and their answers."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import gevent
from gevent.event import AsyncResult

from chaterload.run.protocol import (
    ASK_AGAIN_S,
    Channel,
    CheckAnswer,
    CheckRequest,
    Cleaned,
    CleanupRequest,
    Finished,
    FinishRequest,
)

Question = CheckRequest | FinishRequest | CleanupRequest
Answer = CheckAnswer | Finished | Cleaned


class Questions:
    """Those that are open, each with an answer to come from every worker that was asked."""

    def __init__(self, channel: Channel, connected: Callable[[], set[str]]) -> None:
        """`connected` gives the ids of the workers that are there at that moment."""
        self._channel = channel
        self._connected = connected
        self.wait_until = 0.0
        """Monotonic seconds: workers that tell that they are at it are waited for until then."""
        self._open: dict[str, dict[str, AsyncResult]] = {}
        channel.listen(CheckAnswer, self._on_answer)
        channel.listen(Finished, self._on_answer)
        channel.listen(Cleaned, self._on_answer)

    def ask(self, workers: Iterable[str], message: Question, seconds: float) -> dict[str, Any]:
        """The answers of those of `workers` that stay connected; fewer when `seconds` pass before all have answered."""
        answers = self._open[message.question] = {worker: AsyncResult() for worker in workers}
        deadline = time.monotonic() + seconds
        try:
            while (silent := self._silent(answers)) and time.monotonic() < max(deadline, self.wait_until):
                for worker in silent:
                    self._channel.send(message, worker)
                gevent.wait([answers[worker] for worker in silent], timeout=ASK_AGAIN_S)
        finally:
            del self._open[message.question]
        return {worker: answer.value for worker, answer in answers.items() if answer.ready()}

    def _silent(self, answers: dict[str, AsyncResult]) -> list[str]:
        """Those that are connected and have not answered."""
        here = self._connected()
        return [worker for worker, answer in answers.items() if worker in here and not answer.ready()]

    def _on_answer(self, worker: str, message: Answer) -> None:
        answer = self._open.get(message.question, {}).get(worker)
        if answer is not None:
            answer.set(message)
