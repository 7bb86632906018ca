"""Only dishes that are surely the run's own are touched, and each write is judged without a false alarm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from chaterload.chater.account_dishes import PHOTO_LIMIT_S, AccountDishes
from chaterload.chater.dish_judge import LAST_LOOK
from chaterload.chater.dishes import REMOVABLE, Dish, DishIndex, DishState, Leftover, Trace
from chaterload.chater.times import DishTimes, SecondsOfDay
from chaterload.chater.wire import DAY_MS
from chaterload.chater.writes import DayList, Tally, Writes

DAY = 20_000
NOON = DAY * DAY_MS + DAY_MS // 2
PATIENCE = 2.0
ME, OTHER = "me", "other"
FOREIGN = {NOON - 3_600_007: 100, NOON + 3_600_007: 200}
"""What stands in every list and is not ours."""
STRANGER = {NOON + 1: 300}


class World:
    """One account, and lists of it that show what a test says."""

    def __init__(self, *, verify=True):
        self.writes, self.index = Writes(), DishIndex()
        self.account = AccountDishes(self.index, DishTimes(SecondsOfDay()), self.writes, PATIENCE, verify=verify)
        self.account.email = "a@example.com"
        self.look(asked=0.0)

    def look(self, *listed, asked, day=DAY, final=False, others=None):
        calories = {**FOREIGN, **(others or {}), **{dish.time_ms: 100 for dish in listed}}
        return set(self.account.reconcile(DayList(day, calories, 0.0, asked), final=final))

    def begun(self, owner=ME, now=1.0) -> Dish:
        dish = self.account.begin(NOON, now, owner)
        assert dish is not None
        return dish

    def stored(self, at=5.0, owner=ME) -> Dish:
        dish = self.begun(owner, at - 1)
        self.account.stored(dish, at)
        return dish

    def listed(self, at=5.0, owner=ME) -> Dish:
        dish = self.stored(at, owner)
        self.look(*self.index, asked=at)
        return dish

    def deleted(self, at=10.0, owner=ME) -> Dish:
        dish = self.listed(at - 5, owner)
        self.delete(dish, at)
        return dish

    def delete(self, dish, at):
        self.account.delete_sent(dish)
        self.account.deleted(dish, at)

    def left(self):
        return [entry.trace for entry in self.index.leftovers()]


def test_the_life_of_a_dish():
    """A dish is its owner's from before its upload until a list shows that it is gone; then nothing is left of it."""
    world = World()
    dish = world.begun()
    assert (dish.state, world.index.of(ME), dish.email) == (DishState.SENT, [dish], "a@example.com")
    world.account.stored(dish, 2.0)
    assert (dish.pending, world.writes.dishes) == (True, Tally(1))
    assert world.look(dish, asked=2.1) == {DishState.LISTED}
    assert (dish.calories, world.writes.dishes) == (100, Tally(1, 1, 1))
    world.delete(dish, 3.0)
    assert (dish.state, world.writes.deletes) == (DishState.DELETED, Tally(1))
    assert world.look(asked=3.1) == {DishState.GONE}
    assert (world.left(), world.writes.deletes) == ([], Tally(1, 1, 1))


def test_no_dish_without_a_look():
    """Before the account's list of the day was seen no dish is made, and on the next day it is to be seen again."""
    account = AccountDishes(DishIndex(), DishTimes(SecondsOfDay()), Writes(), PATIENCE)
    assert (account.knows(DAY), account.begin(NOON, 0.0, ME)) == (False, None)
    account.reconcile(DayList(DAY, {}, 0.0, 0.0))
    assert account.knows(DAY)
    assert account.begin(NOON, 0.0, ME) is not None
    assert account.begin(NOON + DAY_MS, 0.0, ME) is None


@pytest.mark.parametrize("listed", [False, True])
def test_a_refused_upload_made_nothing(listed):
    """After a 4xx nothing is left to do, and a dish that is listed at that very time is not ours to touch."""
    world = World()
    dish = world.begun()
    world.account.refused(dish)
    assert world.left() == []
    world.look(*[dish] * listed, asked=100.0)
    world.account.release(ME, 101.0)
    assert (list(world.index), dish.state, world.writes) == ([], DishState.GONE, Writes())


def test_an_unclear_upload_that_shows():
    """A photo that failed without saying whether it was stored is ours when a list shows it, and no counted write."""
    world = World()
    dish = world.begun()
    world.account.unclear(dish, 2.0)
    assert world.look(asked=2.5) == set()
    assert world.left() == [Trace.UNCLEAR]
    assert world.look(dish, asked=3.0) == {DishState.LISTED}
    world.delete(dish, 4.0)
    world.look(asked=5.0)
    assert (world.left(), world.writes) == ([], Writes())


def test_an_unclear_upload_that_does_not_show():
    """What no list shows once its time is over never came; when a list shows it all the same it is ours again."""
    world = World()
    dish = world.begun()
    world.account.unclear(dish, 2.0)
    assert world.look(asked=2.0 + PATIENCE) == {DishState.GONE}
    assert world.left() == []
    assert world.look(dish, asked=30.0) == {DishState.LISTED}
    assert (world.left(), world.index.of(None)) == ([Trace.THERE], [dish])


def test_a_photo_that_was_cut_off():
    """A photo whose user was stopped is waited for as long as the server works on it."""
    world = World()
    dish = world.begun(now=10.0)
    world.account.release(ME, 15.0)
    assert world.look(asked=10.0 + PHOTO_LIMIT_S) == set()
    assert world.left() == [Trace.UNCLEAR]
    assert world.look(asked=10.0 + PHOTO_LIMIT_S + PATIENCE) == {DishState.GONE}
    assert dish.state is DishState.GONE


def test_a_late_dish():
    """A dish that a later look finds in time was late, by an interval."""
    world = World()
    dish = world.stored(at=5.0)
    assert [world.look(asked=asked) for asked in (5.1, 5.3)] == [set(), set()]
    assert world.look(dish, asked=6.0) == {DishState.LISTED}
    tally = world.writes.dishes
    assert (tally.confirmed, tally.late, round(tally.latest_after_ms), round(tally.latest_ms)) == (1, 1, 300, 1000)


def test_a_dish_that_shows_after_its_time():
    """A dish that did not show in time is lost until it shows: then it was late, and is ours to remove."""
    world = World()
    dish = world.stored(at=5.0)
    assert world.look(asked=7.0) == {DishState.LOST}
    assert (world.left(), world.writes.dishes.unshown) == ([Trace.UNSEEN], 1)
    assert world.look(dish, asked=9.0) == {DishState.LISTED}
    tally = world.writes.dishes
    assert (tally.unshown, tally.overdue, tally.lost, tally.latest()) == (0, 1, 0, "2.0 to 4.0 s")


def test_a_dish_that_is_lost_for_good():
    """Only the last look, late enough, tells that a dish is lost; nothing is left of it, unless it comes after all."""
    world = World()
    dish = world.stored(at=5.0)
    world.look(asked=7.0)
    assert world.look(asked=5.0 + LAST_LOOK * PATIENCE) == set()
    assert world.look(asked=4.9 + LAST_LOOK * PATIENCE, final=True) == set()
    assert world.look(asked=5.5 + LAST_LOOK * PATIENCE, final=True) == {DishState.GONE}
    tally = world.writes.dishes
    assert (tally.lost, tally.lost_ms, tally.unshown, world.left()) == (1, 10_500.0, 0, [])
    assert world.look(dish, asked=20.0, final=True) == {DishState.LISTED}
    assert (tally.lost, tally.overdue) == (0, 1)


def test_a_list_asked_for_before_the_delete_tells_nothing():
    """A list that was under way when the delete was acknowledged neither confirms it nor shows a ghost."""
    world = World()
    dish = world.deleted(at=10.0)
    assert world.look(dish, asked=9.9) == set()
    assert world.look(asked=9.9) == set()
    assert (dish.state, world.writes.deletes) == (DishState.DELETED, Tally(1))


def test_a_delete_may_take_its_time():
    """A dish that is listed within the patience and then gone was deleted late, by an interval."""
    world = World()
    dish = world.deleted(at=10.0)
    assert world.look(dish, asked=11.0) == set()
    assert world.look(asked=11.5) == {DishState.GONE}
    assert world.writes.deletes == Tally(1, 1, 1, 1, latest_after_ms=1000.0, latest_ms=1500.0)


def test_a_ghost():
    """A deleted dish that is listed after the patience is one ghost in however many lists, and is deleted again."""
    world = World()
    dish = world.deleted(at=10.0)
    assert world.look(dish, asked=12.0) == {DishState.GHOST}
    assert [world.look(dish, asked=asked) for asked in (12.1, 20.0)] == [set(), set()]
    assert (world.left(), world.writes.deletes) == ([Trace.THERE], Tally(1, 1, unseen_ms=2000.0))
    world.delete(dish, 21.0)
    world.look(asked=22.0)
    assert (world.left(), world.writes.deletes) == ([], Tally(1, 1, unseen_ms=2000.0))


def test_a_ghost_that_goes_by_itself():
    """A delete that is done after its time was late, and not undone."""
    world = World()
    dish = world.deleted(at=10.0)
    world.look(dish, asked=12.0)
    assert world.look(asked=14.0) == {DishState.GONE}
    tally = world.writes.deletes
    assert (tally.overdue, tally.unshown, tally.latest()) == (1, 0, "2.0 to 4.0 s")


@pytest.mark.parametrize("late", [False, True])
def test_a_ghost_may_come_back_after_it_was_gone(late):
    """A dish that was confirmed gone, at once or late, and is listed again is a ghost that anyone may remove."""
    world = World()
    dish = world.deleted(at=10.0)
    if late:
        world.look(dish, asked=11.0)
    world.look(asked=11.5)
    assert world.writes.deletes.confirmed == 1
    assert world.look(dish, asked=11.9) == set()
    assert world.look(dish, asked=13.0) == {DishState.GHOST}
    assert world.look(dish, asked=14.0) == set()
    tally = world.writes.deletes
    assert (world.index.of(None), tally.checked, tally.confirmed, tally.late, tally.unshown) == ([dish], 1, 0, 0, 1)


@pytest.mark.parametrize("shows", [False, True])
def test_a_delete_that_was_cut_off(shows):
    """A delete without an answer tells nothing; the next list says whether the dish is there or gone."""
    world = World()
    dish = world.listed()
    world.account.delete_sent(dish)
    assert world.look(*[dish] * shows, asked=50.0) == set()
    world.account.release(ME, 60.0)
    assert world.left() == [Trace.CUT_OFF]
    assert world.look(*[dish] * shows, asked=60.1) == {DishState.LISTED if shows else DishState.GONE}
    assert world.writes.deletes == Tally()


def test_a_dish_that_vanished():
    """What a list has shown and none shows any more when its user has stopped is gone without a delete."""
    world = World()
    dish = world.listed(at=5.0)
    assert world.look(asked=20.0) == set()
    world.account.release(ME, 21.0)
    assert world.look(asked=22.0) == {DishState.GONE}
    assert (dish.state, world.writes.deletes) == (DishState.GONE, Tally())


def test_the_next_day():
    """The list of one day tells nothing of another day's dishes, and theirs does."""
    world = World()
    dish = world.deleted(at=10.0)
    assert world.look(asked=100.0, day=DAY + 1) == set()
    assert (dish.state, world.left()) == (DishState.DELETED, [Trace.UNCONFIRMED])
    assert world.look(asked=101.0, day=DAY) == {DishState.GONE}


def test_the_days_before_are_forgotten():
    """What is gone is remembered for its day and the next, so that a long run does not grow."""
    world = World()
    dish = world.deleted(at=10.0)
    world.look(asked=11.0)
    world.account.begin(NOON + 2 * DAY_MS, 12.0, ME)
    assert world.look(dish, asked=20.0) == set()


def test_writes_may_be_believed():
    """Without verifying, an acknowledged delete is the end of a dish, and nothing is counted but acknowledgements."""
    world = World(verify=False)
    dish = world.listed()
    world.stored()
    assert world.look(dish, asked=99.0) == set()
    world.delete(dish, 100.0)
    assert world.look(dish, asked=200.0) == set()
    assert (world.writes, world.left()) == (Writes(dishes=Tally(2), deletes=Tally(1)), [Trace.UNSEEN])
    world.account.release(ME, 201.0)
    assert world.look(asked=202.0) == {DishState.GONE}


def test_somebody_else_uses_the_account():
    """Once a dish appears that nobody of the run made, none is begun, and what no list had shown is left alone."""
    world = World()
    confirmed, fresh = world.listed(), world.stored()
    assert world.look(confirmed, fresh, asked=6.0, others=STRANGER) == {DishState.DOUBTFUL}
    assert (world.account.contested, world.account.strangers) == (True, list(STRANGER))
    assert world.account.begin(NOON, 7.0, ME) is None
    assert (confirmed.state, fresh.state) == (DishState.LISTED, DishState.DOUBTFUL)
    assert fresh.state not in REMOVABLE
    world.delete(confirmed, 8.0)
    assert world.look(confirmed, fresh, asked=30.0) == {DishState.DOUBTFUL}
    assert world.left() == [Trace.DOUBTFUL] * 2
    assert world.writes.missing() == []
    assert world.look(asked=31.0) == {DishState.GONE}


def test_what_was_there_before_is_nobodys_sign():
    """Dishes of the first list are never taken for a sign of somebody else, whether they stay, go or come back."""
    world = World()
    for listed in ({}, FOREIGN, {}):
        world.account.reconcile(DayList(DAY, listed, 0.0, 5.0))
    assert not world.account.contested


def test_a_foreign_change_of_a_dish():
    """On a contested account a dish of ours whose calories are not what they can be is left alone."""
    world = World()
    dish = world.listed()
    for calories, state in ((200, DishState.LISTED), (100, DishState.LISTED), (150, DishState.DOUBTFUL)):
        world.account.reconcile(DayList(DAY, {**FOREIGN, **STRANGER, dish.time_ms: calories}, 0.0, 10.0))
        assert dish.state is state


@given(st.lists(st.booleans(), min_size=1, max_size=20), st.lists(st.floats(2.0, 60.0), min_size=1, max_size=5))
def test_every_ghost_is_found_and_nothing_else(obeyed, delays):
    """Of any deletes, just those that the server did not do are reported, by the first list that can tell."""
    world = World()
    made = [world.listed() for _ in obeyed]
    for dish in made:
        world.delete(dish, 10.0)
    kept = [dish for dish, done in zip(made, obeyed, strict=True) if not done]
    ghosts = [DishState.GHOST in world.look(*kept, asked=10.0 + delay) for delay in sorted(delays)]
    assert ghosts == [bool(kept), *[False] * (len(delays) - 1)]
    assert [entry.time for entry in world.index.leftovers()] == sorted(dish.time_ms for dish in kept)
    tally = world.writes.deletes
    assert (tally.acknowledged, tally.checked, tally.unshown) == (len(made), len(made), len(kept))


class AnyOrder(RuleBasedStateMachine):
    """Uploads, deletes, lists and departures in any order, with lists that may show anything."""

    known = Bundle("known")

    def __init__(self):
        super().__init__()
        self.world, self.clock = World(), 1.0
        self.own: list[int] = []
        self.shown: set[int] = set()

    @rule(target=known, owner=st.sampled_from([ME, OTHER]))
    def begin(self, owner):
        dish = self.world.account.begin(NOON, self.clock, owner)
        if dish is None:
            assert self.world.account.contested
            return Dish("nobody", 0, 0.0, state=DishState.GONE)
        assert dish.time_ms not in self.own
        self.own.append(dish.time_ms)
        return dish

    @rule(dish=known, end=st.sampled_from(["stored", "refused", "unclear"]))
    def upload(self, dish, end):
        if dish.state is DishState.SENT:
            account = self.world.account
            {"stored": account.stored, "unclear": account.unclear}.get(end, lambda d, _: account.refused(d))(
                dish, self.clock
            )

    @rule(dish=known, end=st.sampled_from(["deleted", "failed", "cut"]))
    def delete(self, dish, end):
        if dish.state in REMOVABLE:
            assert dish.time_ms in self.shown, "deleted without having been listed"
            self.world.account.delete_sent(dish)
            if end == "deleted":
                self.world.account.deleted(dish, self.clock)
            elif end == "failed":
                self.world.account.delete_failed(dish, self.clock)

    @rule(owner=st.sampled_from([ME, OTHER]))
    def release(self, owner):
        self.world.account.release(owner, self.clock)

    @rule(seconds=st.floats(0.1, 80))
    def wait(self, seconds):
        self.clock += seconds

    @rule(listed=st.sets(st.integers(0, 20)), ago=st.floats(0, 3), final=st.booleans(), stranger=st.just(False))
    def look(self, listed, ago, final, stranger):
        shown = {self.own[index] for index in listed if index < len(self.own)}
        self.shown |= shown
        calories = {**FOREIGN, **dict.fromkeys(shown, 100), **(STRANGER if stranger else {})}
        self.world.account.reconcile(DayList(DAY, calories, 0.0, self.clock - ago), final=final)

    @rule(listed=st.sets(st.integers(0, 20)))
    def look_with_a_stranger(self, listed):
        before = {dish for dish in self.world.index if dish.state in REMOVABLE}
        self.look(listed, 0.0, final=False, stranger=True)
        after = {dish for dish in self.world.index if dish.state in REMOVABLE}
        assert all(dish in before or (dish.state is DishState.LISTED and dish.calories) for dish in after)

    @invariant()
    def counts_are_in_order(self):
        for _, tally in self.world.writes.items():
            assert 0 <= tally.late <= tally.confirmed <= tally.checked <= tally.acknowledged
            assert min(tally.unshown, tally.overdue, tally.lost) >= 0

    @invariant()
    def only_our_own_come_out(self):
        left = self.world.index.leftovers()
        assert all(isinstance(entry, Leftover) for entry in left)
        times = [entry.time for entry in left]
        assert set(times) <= set(self.own)
        assert len(times) == len(set(times))
        assert all(dish.state is not DishState.GONE for dish in self.world.index)


def test_any_order_of_events():
    """Whatever happens in whatever order, the counts agree and only dishes that were listed as ours are deleted."""
    run_state_machine_as_test(AnyOrder)
