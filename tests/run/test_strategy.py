"""What load a run has: by users or by rate, from options that agree with each other."""

from types import SimpleNamespace
from typing import Any

import pytest
from locust import User, task

from chaterload.chater.user import ProtobufUser
from chaterload.exits import Refused
from chaterload.load.rate_search import RateCapacityShape
from chaterload.load.rates import ArrivalPlan
from chaterload.load.shapes import CapacityShape
from chaterload.run.options import rate_text
from chaterload.run.run_options import RunOptions, refusals
from chaterload.run.strategy import arrival_plan, asked_rate, planned_users, use_strategy

PLAIN = {
    **dict.fromkeys(("num_users", "spawn_rate", "run_time", "rate", "strategy", "strategy_users", "arrivals_seed")),
    "strategy_scale": 1.0,
    "arrivals": "poisson",
    "rate_users": 5000,
    "by": "users",
    "class_picker": False,
}


class Caller(ProtobufUser):
    """Takes arrivals."""

    @task
    def call(self) -> None: ...


class NotOurs(User):
    """Does not."""

    @task
    def call(self) -> None: ...


def environment_of(**options: Any) -> Any:
    """An environment with these options, once its load is chosen."""
    environment: Any = SimpleNamespace(
        parsed_options=SimpleNamespace(**PLAIN | options),
        shape_class=None,
        stats=None,
        available_shape_classes={},
        user_classes=[Caller],
    )
    judge: Any = SimpleNamespace(objectives=())
    sampler: Any = SimpleNamespace(runner=None, cpu_percent=lambda: 0.0)
    node: Any = SimpleNamespace(reports=list)
    environment.asked = []
    read = RunOptions.read(environment.parsed_options)
    if problems := refusals(read):
        raise Refused(*problems)
    use_strategy(environment, read, judge, sampler, node, environment.asked.append)
    return environment


def test_a_plain_run_by_rate():
    """--rate makes a plan of arrivals, and says how many; of users there are as many as it takes."""
    environment = environment_of(rate="4500/m", arrivals="even", arrivals_seed=7, rate_users=100)
    assert arrival_plan(environment) == ArrivalPlan("even", 7, 100)
    assert asked_rate(environment) == 75.0
    assert planned_users(environment) == 1


@pytest.mark.parametrize("classes", [[NotOurs], [ProtobufUser], [NotOurs, ProtobufUser]])
def test_nobody_takes_arrivals(classes):
    """A run by rate without a user that takes arrivals is refused, by the names of its classes."""
    environment = environment_of(rate="20")
    environment.user_classes = classes
    with pytest.raises(Refused, match=f"No user of {classes[0].__name__}.* takes arrivals"):
        arrival_plan(environment)
    environment.parsed_options.rate = None
    assert arrival_plan(environment) is None


def test_a_plain_run_by_users():
    """Without a rate there is no plan of arrivals."""
    environment = environment_of(num_users=20)
    assert arrival_plan(environment) is None
    assert planned_users(environment) == 20


@pytest.mark.parametrize("name", ["low", "normal", "high"])
def test_a_strategy_by_rate(name):
    """Its ticks ask for the rate of the moment, and give Locust one user."""
    environment = environment_of(strategy=name)
    shape = environment.shape_class
    shape.get_run_time = lambda: 15.0
    assert shape.tick() == (1, 1.0)
    assert environment.asked == [asked_rate(environment)] == [shape.strategy.rate_at(15.0)]
    assert arrival_plan(environment) is not None
    assert planned_users(environment) == 1


@pytest.mark.parametrize(("by", "kind"), [("users", CapacityShape), ("rate", RateCapacityShape)])
def test_the_two_searches(by, kind):
    """--by says which one it is, and only that by rate has a plan of arrivals."""
    environment = environment_of(strategy="capacity", by=by)
    assert type(environment.shape_class) is kind
    assert (arrival_plan(environment) is not None) is (by == "rate")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"rate": "75", "num_users": 20}, "--rate is given together with --users"),
        ({"rate": "75", "num_users": 1, "spawn_rate": 2.0}, "--rate is given together with --users, --spawn-rate"),
        ({"rate": "75", "strategy": "low"}, "--strategy low is given together with --rate"),
        ({"strategy": "low", "strategy_users": 5}, "--strategy-users is given with --strategy low, which goes by"),
        ({"rate": "75", "rate_users": 0}, "--rate-users is 0. Expected a whole number, 1 or more"),
    ],
)
def test_options_that_do_not_agree(options, sentence):
    """Each pair is refused with both names."""
    with pytest.raises(Refused, match=sentence):
        environment_of(**options)


def test_the_picker_tells_the_load():
    """The web UI offers each strategy, and says beside its name whether it goes by users or by rate, and how long."""
    assert list(environment_of(class_picker=True).available_shape_classes) == [
        "smoke: 1 user, 60 s",
        "load: 50 users, 10 min",
        "stress: 20 to 200 users, 15 min",
        "spike: 10 to 100 users, 9 min",
        "endurance: 30 users, 2 h",
        "low: 15 req/s, 5 min",
        "normal: 75 req/s, 5 min",
        "high: 200 req/s, 5 min",
        "capacity: by users, at most 60 min",
    ]
    scaled = environment_of(class_picker=True, by="rate", strategy_scale=0.1, strategy_users=20)
    assert {"load: 20 users, 60 s", "low: 15 req/s, 30 s", "capacity: by rate, at most 6 min"} <= set(
        scaled.available_shape_classes
    )


def test_a_rate_as_an_option():
    """It stays as it was written, and what is no rate is told."""
    assert rate_text(" 4500/m ") == "4500/m"
    assert rate_text("") == ""
    with pytest.raises(Exception, match=r"is 'quick'\. Expected requests per second"):
        rate_text("quick")
