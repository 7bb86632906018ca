"""What load a run has: by users or by rate, and the shape that --strategy names or the web UI's picker offers."""

from collections.abc import Callable

from locust.env import Environment

from chaterload.exits import Refused
from chaterload.load.rate_search import RateCapacityShape
from chaterload.load.rates import ArrivalPlan, parse_rate
from chaterload.load.shapes import CapacityShape, NamedShape, StagedShape, search_limits, staged_shapes
from chaterload.load.strategies import CAPACITY, RATE, USERS, SearchLimits
from chaterload.report.summary import duration
from chaterload.run.criteria import PassCriteria
from chaterload.run.dispatch import takers
from chaterload.run.figures import waiting, with_open, without_lost_writes
from chaterload.run.node import Node, options_of
from chaterload.run.run_options import RunOptions
from chaterload.run.sampling import Sampler


def use_strategy(
    environment: Environment,
    options: RunOptions,
    judge: PassCriteria | None,
    sampler: Sampler,
    node: Node,
    ask: Callable[[float], object],
) -> None:
    """Give Locust the shape that --strategy names, and the web UI's picker all of them; `ask` asks for a rate."""
    scale, users = options.strategy_scale, options.strategy_users
    shapes = staged_shapes(scale, users)
    if judge:
        shapes[CAPACITY] = _search(environment, options.by, judge, sampler, node, search_limits(scale, users))
    for shape in shapes.values():
        shape.ask = ask
    if options.class_picker:
        environment.available_shape_classes = {picker_label(shape): shape for shape in shapes.values()}
    if options.strategy:
        environment.shape_class = shape = shapes[options.strategy]
        shape.runner = sampler.runner


def picker_label(shape: NamedShape) -> str:
    """What the web UI's picker calls it: `spike: 10 to 100 users, 9 min`."""
    if isinstance(shape, StagedShape):
        return f"{shape.name}: {shape.strategy.load}, {duration(shape.seconds)}"
    return f"{shape.name}: by {RATE if shape.by_rate else USERS}, at most {duration(shape.seconds)}"


def _search(
    environment: Environment, by: str, judge: PassCriteria, sampler: Sampler, node: Node, limits: SearchLimits
) -> CapacityShape:
    stats, objectives = environment.stats, judge.objectives
    if by == USERS:
        return CapacityShape(limits, objectives, lambda: without_lost_writes(stats), sampler.cpu_percent)
    return RateCapacityShape(
        limits,
        objectives,
        lambda: with_open(without_lost_writes(stats), node.reports(), objectives),
        sampler.cpu_percent,
        lambda: waiting(node.reports()),
    )


def chosen_shape(environment: Environment) -> NamedShape | None:
    """The strategy of this moment; None for a plain run."""
    shape = environment.shape_class
    return shape if isinstance(shape, NamedShape) else None


def planned_users(environment: Environment) -> int:
    """The most users that the run will have, where that is known."""
    shape = chosen_shape(environment)
    if isinstance(shape, CapacityShape) or arrival_plan(environment):
        return 1  # it goes as far as it gets
    return shape.peak_users if shape else options_of(environment).num_users or 1


def arrival_plan(environment: Environment) -> ArrivalPlan | None:
    """How tasks arrive; None in a run by users. Refused where no user would take an arrival."""
    options, shape = options_of(environment), chosen_shape(environment)
    if not (shape.by_rate if shape else options.rate):
        return None
    if not takers(environment):
        names = ", ".join(user_class.__name__ for user_class in environment.user_classes)
        raise Refused(f"No user of {names} takes arrivals. Expected a ProtobufUser with a task, or a load by users.")
    return ArrivalPlan(options.arrivals, options.arrivals_seed, options.rate_users)


def asked_rate(environment: Environment) -> float:
    """The requests per second that a run by rate asks for at this moment; 0 in a run by users."""
    shape, rate = chosen_shape(environment), options_of(environment).rate
    return shape.rate if shape else parse_rate(rate) if rate else 0.0
