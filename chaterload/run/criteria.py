"""What a run is judged by, and which of it applies."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from locust.env import Environment

from chaterload.chater.textfiles import is_folder
from chaterload.exits import Refused, first_ten, looks_like
from chaterload.judge.baseline import load_baseline
from chaterload.judge.comparison import Window
from chaterload.judge.drift import GENERATOR_MEMORY, read_drift
from chaterload.judge.measure import ALL, Endpoint, Snapshot
from chaterload.judge.objectives import NO_RISING_TREND, Objective, Result, evaluate
from chaterload.judge.objectives_file import DEFAULT_FILE, find, load
from chaterload.judge.queries import Query
from chaterload.judge.trend import MIN_RELATIVE_CHANGE
from chaterload.load.scenario import asked, calls_of
from chaterload.load.shapes import CapacityShape
from chaterload.run.lifecycle import Run
from chaterload.run.node import all_tasks, options_of, tasks_of

logger = logging.getLogger(__name__)


@dataclass
class PassCriteria:
    """What a run is judged by."""

    objectives: Sequence[Objective]
    baseline: Window | None = None
    tolerance: float = 0.1
    queries: Sequence[Query] = ()

    @classmethod
    def load(cls, objectives: str | None, baseline: Path | None, tolerance: float) -> "PassCriteria":
        """Read the files that the options name. Refused when one of them is wrong."""
        file = find(objectives)
        if objectives and file == DEFAULT_FILE and is_folder(Path(objectives)):
            logger.info(
                "--objectives %r is an empty folder: the objectives that come with this test are used.", objectives
            )
        parsed, queries = load(file)
        return cls(parsed, load_baseline(baseline) if baseline else None, tolerance, queries)


def judged_window(run: Run, figures: Snapshot) -> Snapshot:
    """What a run is judged by: all of its figures, or those of the best step of a search."""
    best = run.shape.best() if isinstance(run.shape, CapacityShape) else None
    return best.window if best else figures


def evaluate_run(environment: Environment, judge: PassCriteria, run: Run, figures: Snapshot) -> list[Result]:
    """What came of the objectives by these figures, or by the best step of a search."""
    flows = [calls_of(task) for task in tasks_of(environment, options_of(environment))]
    objectives = with_trends(judge.objectives) if run.shape and run.shape.forbids_trends else judge.objectives
    drift = read_drift(run.history.steps) if any(o.measure == NO_RISING_TREND for o in objectives) else None
    trends = drift.trends if drift else None
    return evaluate(objectives, judged_window(run, figures), excluded_endpoints(environment), flows, trends)


def with_trends(objectives: Sequence[Objective]) -> Sequence[Objective]:
    """These, and that neither response times nor the generator's memory rise, where a file says nothing of it."""
    usual = [Objective(endpoint, NO_RISING_TREND, MIN_RELATIVE_CHANGE) for endpoint in (ALL, GENERATOR_MEMORY)]
    known = {(objective.endpoint, objective.measure) for objective in objectives}
    return [*objectives, *(objective for objective in usual if (objective.endpoint, objective.measure) not in known)]


def check_objectives(environment: Environment, objectives: Iterable[Objective], source: str) -> None:
    """Tell of objectives that will have no data before the load, and not after it. Refused when one is a slip."""
    unknown = unreachable_objectives(environment, objectives)
    slips = [f"No task asks {endpoint}. Did you mean {like}?" for endpoint, like in unknown.items() if like]
    if slips:
        raise Refused(*(f"--objectives {source!r}: {slip}" for slip in first_ten(slips)))
    for endpoint in unknown:
        logger.warning("No task asks %s: its objectives will have no data, which proves nothing.", endpoint)


def unreachable_objectives(environment: Environment, objectives: Iterable[Objective]) -> dict[str, str | None]:
    """The paths of objectives that no task says it asks, tags aside, each with the one that may be meant.

    None where a task does not say what it asks.
    """
    tasks = all_tasks(environment)
    if not all(calls_of(task) for task in tasks):
        return {}
    known = [str(endpoint) for endpoint in asked(tasks) | {ALL, GENERATOR_MEMORY}]
    names = dict.fromkeys(str(objective.endpoint) for objective in objectives)
    return {name: looks_like(name, known) for name in names if name not in known}


def excluded_endpoints(environment: Environment) -> set[Endpoint]:
    """The endpoints that tasks ask which the tags left out."""
    return asked(all_tasks(environment)) - asked(tasks_of(environment, options_of(environment)))
