"""Which load shape a run follows: the one that --strategy names, or whichever the web UI's picker offers."""

from argparse import Namespace

from locust.env import Environment

from chaterload.exits import Refused
from chaterload.load.shapes import CapacityShape, NamedShape, check_name, search_limits, staged_shapes
from chaterload.load.strategies import CAPACITY
from chaterload.run.criteria import PassCriteria
from chaterload.run.figures import without_lost_writes
from chaterload.run.node import options_of
from chaterload.run.sampling import Sampler

_PLAIN = ("num_users", "spawn_rate", "run_time")
"""The options of a plain run."""


def use_strategy(environment: Environment, judge: PassCriteria | None, sampler: Sampler) -> None:
    """Give Locust the shape that --strategy names, and the web UI's picker all of them."""
    options = options_of(environment)
    scale, users = options.strategy_scale, options.strategy_users
    if scale <= 0:
        raise Refused(f"--strategy-scale is {scale}. Expected a number above 0.")
    if users is not None and users < 1:
        raise Refused(f"--strategy-users is {users}. Expected a whole number, 1 or more.")
    shapes = staged_shapes(scale, users)
    if judge:
        shapes[CAPACITY] = CapacityShape(
            search_limits(scale, users),
            judge.objectives,
            lambda: without_lost_writes(environment.stats),
            sampler.cpu_percent,
        )
    if options.class_picker:
        environment.available_shape_classes = dict(shapes)
    if options.strategy:
        environment.shape_class = shape = _choose(options, shapes)
        shape.runner = sampler.runner


def _choose(options: Namespace, shapes: dict[str, NamedShape]) -> NamedShape:
    name: str = options.strategy
    check_name(name)
    given = [f"--{opt.replace('num_', '').replace('_', '-')}" for opt in _PLAIN if getattr(options, opt) is not None]
    if given:
        raise Refused(
            f"--strategy {name} is given together with {', '.join(given)}. Expected one or the other; "
            "--strategy-users and --strategy-scale shrink a strategy."
        )
    if name not in shapes:
        raise Refused(f"--strategy {name} needs objectives. Expected it without --no-objectives.")
    return shapes[name]


def chosen_shape(environment: Environment) -> NamedShape | None:
    """The strategy of this moment; None for a plain run."""
    shape = environment.shape_class
    return shape if isinstance(shape, NamedShape) else None


def planned_users(environment: Environment) -> int:
    """The most users that the run will have, where that is known."""
    shape = chosen_shape(environment)
    if isinstance(shape, CapacityShape):
        return 1  # it goes as far as it gets
    return shape.peak_users if shape else options_of(environment).num_users or 1
