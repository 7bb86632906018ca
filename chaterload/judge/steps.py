"""Which objectives a step of a run misses, and whether that is more than chance. Pure."""

import math
from collections.abc import Sequence

from chaterload.judge.curve import Point, throughput_error
from chaterload.judge.dependence import Dependence
from chaterload.judge.history import Step
from chaterload.judge.measure import ALL
from chaterload.judge.objectives import Objective, Result, State, evaluate
from chaterload.judge.proof import chance_of_miss
from chaterload.judge.significance import FALSE_ALARM

NO_ANSWER = "all requests: none was answered"


def read_steps(steps: Sequence[Step], objectives: Sequence[Objective], dependence: Dependence) -> tuple[Point, ...]:
    """A point for each number of users; where a step comes back to one, as after a spike, the earlier is taken."""
    answered = {step.users: step for step in reversed(steps) if step.window.total.requests}
    scatter = throughput_error(steps)
    questions = len(objectives) * len(answered)
    points = []
    for users, step in sorted(answered.items()):
        missed = broken_beyond_chance(step, objectives, dependence, questions)
        rate = step.requests_per_second
        error = scatter * math.sqrt(rate / step.window.seconds) if step.window.seconds else 0.0
        points.append(Point(users, rate, step.p95_ms, missed, error))
    return tuple(points)


def missed_in(step: Step, objectives: Sequence[Objective]) -> list[Result]:
    """The objectives that the step misses, by its own window."""
    return [result for result in evaluate(objectives, step.window) if result.state is State.MISSED]


def broken_in(step: Step, objectives: Sequence[Objective]) -> tuple[str, ...]:
    """The names of what the step misses; without any answer there is nothing that it meets."""
    if not step.window.total.requests:
        return (NO_ANSWER,)
    return tuple(str(result.objective) for result in missed_in(step, objectives))


def broken_beyond_chance(
    step: Step, objectives: Sequence[Objective], dependence: Dependence, questions: int
) -> tuple[str, ...]:
    """The names of what the step misses, and would not if its true value were at the limit; one of many `questions`."""
    names = []
    for result in missed_in(step, objectives):
        endpoint = result.objective.endpoint
        measurement = step.window.total if endpoint == ALL else step.window.endpoints[endpoint]
        chance = chance_of_miss(
            result.objective, measurement, step.window.seconds, dependence.of(endpoint), dependence.freedom
        )
        if chance * questions < FALSE_ALARM:
            names.append(str(result.objective))
    return tuple(names)
