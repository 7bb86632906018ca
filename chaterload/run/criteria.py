"""What a run is judged by, and which of it applies."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from locust.env import Environment

from chaterload.exits import Refused, first_ten, looks_like
from chaterload.judge.baseline import Earlier, load_baseline
from chaterload.judge.measure import ALL, Endpoint, Snapshot
from chaterload.judge.objectives import Objective, Result, evaluate
from chaterload.judge.objectives_file import DEFAULT_FILE, load
from chaterload.judge.queries import Query
from chaterload.load.scenario import asked, calls_of
from chaterload.load.shapes import CapacityShape
from chaterload.run.lifecycle import Run
from chaterload.run.node import all_tasks, options_of, tasks_of

logger = logging.getLogger(__name__)


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
        parsed, queries = load(Path(objectives) if objectives else DEFAULT_FILE)
        return cls(parsed, load_baseline(Path(baseline)) if baseline else {}, tolerance, queries)


def judged_window(run: Run, figures: Snapshot) -> Snapshot:
    """What a run is judged by: all of its figures, or those of the best step of a search."""
    best = run.shape.best() if isinstance(run.shape, CapacityShape) else None
    return best.window if best else figures


def evaluate_run(environment: Environment, judge: Judge, run: Run, figures: Snapshot) -> list[Result]:
    """What came of the objectives by these figures, or by the best step of a search."""
    flows = [calls_of(task) for task in tasks_of(environment, options_of(environment))]
    return evaluate(judge.objectives, judged_window(run, figures), left_out(environment), flows)


def check_objectives(environment: Environment, objectives: Iterable[Objective], source: str) -> None:
    """Tell of objectives that will have no data before the load, and not after it. Refused when one is a slip."""
    unknown = never_asked(environment, objectives)
    slips = [f"No task asks {endpoint}. Did you mean {like}?" for endpoint, like in unknown.items() if like]
    if slips:
        raise Refused(*(f"--objectives {source!r}: {slip}" for slip in first_ten(slips)))
    for endpoint in unknown:
        logger.warning("No task asks %s: its objectives will have no data, which proves nothing.", endpoint)


def never_asked(environment: Environment, objectives: Iterable[Objective]) -> dict[str, str | None]:
    """The paths of objectives that no task says it asks, tags aside, each with the one that may be meant.

    None where a task does not say what it asks.
    """
    tasks = all_tasks(environment)
    if not all(calls_of(task) for task in tasks):
        return {}
    known = [str(endpoint) for endpoint in asked(tasks) | {ALL}]
    names = dict.fromkeys(str(objective.endpoint) for objective in objectives)
    return {name: looks_like(name, known) for name in names if name not in known}


def left_out(environment: Environment) -> set[Endpoint]:
    """The endpoints that tasks ask which the tags left out."""
    return asked(all_tasks(environment)) - asked(tasks_of(environment, options_of(environment)))
