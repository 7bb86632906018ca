"""Samples of the run as it goes, and of the processes that generate it."""

from collections.abc import Callable, Sequence
from typing import Any

from locust.env import Environment
from locust.runners import MasterRunner, Runner

from chaterload.internals import target_users, usage_of_processes, worker_count
from chaterload.judge.history import Generator
from chaterload.run.figures import failed, in_flight, snapshot
from chaterload.run.lifecycle import Run


class Sampler:
    """Reads users, figures, CPU and memory at a moment."""

    def __init__(self, environment: Environment, reports: Callable[[], Sequence[dict[str, Any]]] = tuple) -> None:
        """`reports` gives those of the processes that generate load."""
        self._environment = environment
        self._reports = reports

    @property
    def runner(self) -> Runner:
        """Locust's, which is there before any listener is called."""
        runner = self._environment.runner
        assert runner is not None
        return runner

    @property
    def workers(self) -> int:
        """0 in a run of one process."""
        return worker_count(self.runner) if isinstance(self.runner, MasterRunner) else 0

    def sample(self, run: Run) -> None:
        """Add this moment to the run's history."""
        run.history.add(
            run.seconds,
            self.runner.user_count,
            snapshot(self._environment.stats),
            target=target_users(self.runner),
            generator=Generator(self.cpu_percent(), self.memory_bytes()),
            failed=failed(self._environment.stats),
            in_flight=in_flight(self._reports())[0],
            asked_rps=run.asked.now if run.by_rate else None,
        )

    def sample_wind_down(self, run: Run) -> None:
        """Add what was answered since the load ended."""
        run.history.end(run.elapsed, snapshot(self._environment.stats), failed(self._environment.stats))

    def cpu_percent(self) -> float:
        """Of the busiest process, over the last 10 s."""
        return max((usage.cpu_percent for usage in usage_of_processes(self.runner)), default=0.0)

    def memory_bytes(self) -> int:
        """Of all processes that generate load."""
        return sum(usage.memory_bytes for usage in usage_of_processes(self.runner))
