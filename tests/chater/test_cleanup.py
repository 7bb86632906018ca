"""The clean-up removes what is surely the run's, at the pace that the server holds, and ends when it gets nowhere."""

import time
from collections import Counter

import gevent
import pytest

from chaterload.chater import cleanup as module
from chaterload.chater.account_dishes import AccountDishes
from chaterload.chater.cleanup import Cleanup, Pace, Progress
from chaterload.chater.dishes import Dish, DishIndex, DishState, Trace
from chaterload.chater.kinds import FailureKind
from chaterload.chater.routes import DELETE
from chaterload.chater.times import DishTimes, SecondsOfDay, day_of
from chaterload.chater.wire import DAY_MS
from chaterload.chater.writes import DayList, Writes
from proto.custom_date_food_pb2 import CustomDateFoodResponse
from proto.delete_food_pb2 import DeleteFoodRequest, DeleteFoodResponse
from proto.today_food_pb2 import TodayFood

EMAIL = "a@example.com"
PATIENCE = 0.05
FOREIGN = day_of(int(time.time() * 1000)) * DAY_MS + 1
"""The time of somebody else's dish of today."""


class Account:
    """What the clean-up uses of one."""

    email = EMAIL
    renewed = 0

    def __init__(self, dishes):
        self.dishes = dishes

    def renew(self):
        self.renewed += 1


class Server:
    """Answers at once or late, or fails as a test says; holds so many requests at a time."""

    def __init__(self):
        self.times: set[int] = set()
        self.asked: Counter[str] = Counter()
        self.failing: dict[str, FailureKind] = {}
        self.delay_s = 0.0
        self.silent = False
        """Failures take all the time that an answer is given."""
        self.now = self.most = 0

    def ask(self, account, route, body, seconds):
        self.asked[route.path] += 1
        self.now += 1
        self.most = max(self.most, self.now)
        gevent.sleep(seconds if self.silent and route.path in self.failing else self.delay_s)
        self.now -= 1
        if kind := self.failing.get(route.path):
            return kind
        if route is DELETE:
            self.times.discard(DeleteFoodRequest.FromString(body).time)
            return DeleteFoodResponse(success=True)
        today, custom = TodayFood(), CustomDateFoodResponse()
        for listed in (today.dishes_today, custom.dishes_for_date):
            for time_ms in self.times:
                listed.add(time=time_ms, estimated_avg_calories=100)
        return today if route.path == "/eater_get_today" else custom


class World:
    """One account with its dishes on a server, and a clean-up."""

    def __init__(self, there=()):
        self.server, self.index, self.writes = Server(), DishIndex(), Writes()
        self.dishes = AccountDishes(self.index, DishTimes(SecondsOfDay()), self.writes, PATIENCE)
        self.dishes.email = EMAIL
        self.account = Account(self.dishes)
        self.cleanup = Cleanup({EMAIL: self.account}, self.index, self.server.ask)  # type: ignore[dict-item]
        self.now_ms = int(time.time() * 1000)
        self.server.times.update(there)
        self.look()

    def look(self):
        calories = dict.fromkeys(self.server.times, 100)
        self.dishes.reconcile(DayList(day_of(self.now_ms), calories, 0.0, time.monotonic()))

    def dish(self, *, there=True, acknowledged=True) -> Dish:
        dish = self.dishes.begin(self.now_ms, time.monotonic(), "user")
        assert dish is not None
        if there:
            self.server.times.add(dish.time_ms)
        if acknowledged:
            self.dishes.stored(dish, time.monotonic())
        return dish

    def stop_users(self):
        self.dishes.release("user", time.monotonic())

    def left(self):
        return [entry.trace for entry in self.index.leftovers()]


def test_everything_is_removed():
    """Dishes that were listed, only acknowledged, or never acknowledged: all are gone, and no other."""
    foreign = {FOREIGN}
    world = World(foreign)
    listed = [world.dish() for _ in range(50)]
    world.look()
    others = [world.dish(), world.dish(acknowledged=False), world.dish(there=False)]
    world.stop_users()
    assert all(dish.state is DishState.LISTED for dish in listed)
    world.cleanup.finish()
    assert (world.left(), world.server.times) == ([], foreign)
    assert world.server.asked["/delete_food"] == 52
    assert all(dish.state is DishState.GONE for dish in (*listed, *others))
    assert world.writes.dishes.lost == 1


def test_while_the_others_go_on():
    """What a user that stopped left is removed in the background, what others have is theirs."""
    world = World()
    stopped = world.dish()
    world.look()
    world.stop_users()
    kept = world.dish()
    world.cleanup.begin()
    world.cleanup.begin()
    with gevent.Timeout(20):
        while stopped.state is not DishState.GONE:
            gevent.sleep(0.01)
    assert world.server.times == {kept.time_ms}
    assert world.index.of("user") == [kept]


def test_a_dish_that_comes_late():
    """A photo that was cut off and is stored while the clean-up goes on is removed too."""
    world = World()
    dish = world.dish(there=False, acknowledged=False)
    world.stop_users()
    gevent.spawn_later(0.5, world.server.times.add, dish.time_ms)
    world.cleanup.finish()
    assert (world.left(), world.server.times) == ([], set())


@pytest.mark.parametrize("kind", [FailureKind.SERVER_ERROR, FailureKind.TIMED_OUT, FailureKind.CONNECTION_REFUSED])
def test_a_server_that_gives_no_good_answer(monkeypatch, kind):
    """The clean-up ends after some time without progress, asks ever less at once, and tells what is left."""
    monkeypatch.setattr(module, "IDLE_LIMIT_S", 1.0)
    monkeypatch.setattr(module, "REFUSED_LIMIT_S", 0.4)
    world = World()
    for _ in range(20):
        world.dish()
    world.look()
    world.stop_users()
    world.server.failing = dict.fromkeys(("/delete_food", "/eater_get_today", "/get_food_custom_date"), kind)
    began = time.monotonic()
    world.cleanup.finish()
    assert (time.monotonic() - began < 0.9) is (kind is not FailureKind.TIMED_OUT)
    assert world.left() == [Trace.CUT_OFF] * 20
    assert world.server.most <= 4


@pytest.mark.parametrize("silent", ["/delete_food", "/get_food_custom_date"])
def test_an_answer_that_does_not_come(monkeypatch, silent):
    """However many requests stay unanswered one after the other, none prolongs a clean-up without progress."""
    monkeypatch.setattr(module, "IDLE_LIMIT_S", 0.5)
    monkeypatch.setattr(module, "SHORTEST_S", 0.1)
    world = World()
    for _ in range(200):
        world.dish()
    if silent == "/delete_food":
        world.look()
    world.stop_users()
    world.server.failing = dict.fromkeys((silent, "/eater_get_today"), FailureKind.TIMED_OUT)
    world.server.silent = True
    began = time.monotonic()
    world.cleanup.finish()
    assert time.monotonic() - began < 3
    assert len(world.left()) == 200


def test_a_token_that_expires_meanwhile():
    """When the server rejects the token, a newer one is asked for."""
    world = World()
    world.dish()
    world.look()
    world.stop_users()
    world.server.failing = {"/delete_food": FailureKind.TOKEN_EXPIRED}
    world.cleanup.limit(0.1)
    world.cleanup.finish()
    assert world.account.renewed > 0


@pytest.mark.parametrize("delay_s", [0.0, 0.05, 0.3])
def test_a_slow_server(delay_s):
    """However long the server takes for an answer, nothing is left, and never are more requests open than it held."""
    world = World()
    world.server.delay_s = delay_s
    for _ in range(40):
        world.dish()
    world.stop_users()
    world.cleanup.finish()
    assert (world.left(), world.server.times) == ([], set())
    assert world.server.most <= 32


@pytest.mark.parametrize("by", ["its time", "somebody", "somebody who waits a little"])
def test_it_can_be_cut_short(by):
    """After its time, or when somebody does not want to wait, the clean-up stops at once; the rest is told."""
    world = World()
    world.server.delay_s = 60.0
    dish = world.dish()
    world.look()
    world.stop_users()
    if by == "its time":
        world.cleanup.limit(0.2)
    else:
        gevent.spawn_later(0.2, world.cleanup.limit, 0.0 if by == "somebody" else 0.1)
    began = time.monotonic()
    world.cleanup.finish()
    assert time.monotonic() - began < 5
    assert world.left() == [Trace.CUT_OFF]
    assert dish.changed_at < time.monotonic()


def test_it_says_how_far_it_is(monkeypatch):
    """Every few seconds it says how many dishes are left to do."""
    monkeypatch.setattr(module, "TELL_EVERY_S", 0.05)
    world = World()
    world.server.delay_s = 0.04
    for _ in range(30):
        world.dish()
    world.look()
    world.stop_users()
    told: list[int] = []
    world.cleanup.finish(told.append)
    assert told
    assert told == sorted(told, reverse=True)


def test_what_is_in_doubt_is_left_alone():
    """A dish that may be somebody else's is neither looked for nor deleted, and keeps nobody waiting."""
    world = World()
    dish = world.dish()
    world.server.times.add(FOREIGN)
    world.look()
    world.stop_users()
    world.cleanup.finish()
    assert (dish.state, world.left(), world.server.asked) == (DishState.DOUBTFUL, [Trace.DOUBTFUL], Counter())


def test_the_pace():
    """It grows with each answer, halves with each failure, never to nothing, and gives a slow server more time."""
    pace = Pace()
    for _ in range(100):
        pace.answered()
    assert pace.width == 32
    widths = []
    for _ in range(7):
        pace.failed(FailureKind.SERVER_ERROR)
        widths.append(pace.width)
    assert widths == [16, 8, 4, 2, 1, 1, 1]
    assert pace.seconds == Pace.QUICK_S
    pace.failed(FailureKind.TIMED_OUT)
    assert pace.seconds == Pace.SLOW_S


def test_coming_back_is_no_progress():
    """A dish that goes, comes back and goes again gets nowhere."""
    progress, dish = Progress(0.0), Dish(EMAIL, 1, 0.0)
    moved = []
    for now, state in enumerate(
        [DishState.LISTED, DishState.DELETED, DishState.GHOST, DishState.DELETED, DishState.GONE, DishState.GHOST], 1
    ):
        dish.state = state
        progress.note([dish], now)
        moved.append(progress.at == now)
    assert moved == [True, True, False, False, True, False]
    assert progress.at == 5
