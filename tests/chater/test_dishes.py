"""Only dishes of the run are ever touched, and each delete is looked for without a false alarm."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from chaterload.chater.dishes import SLOTS, AccountDishes, DishTimes, State, tells_today
from chaterload.chater.wire import DAY_MS
from chaterload.chater.writes import Tally, Writes

MIDNIGHT = 20_000 * DAY_MS
NOON = MIDNIGHT + DAY_MS // 2
PATIENCE = 2.0
ME, OTHER = "me", "other"
FOREIGN = {NOON - 3_600_007: 100, NOON + 3_600_007: 200}
"""What stands in every list and is not ours."""


def account(*, confirm=True):
    writes = Writes()
    return AccountDishes(DishTimes(), writes, confirm=confirm), writes


def deleted(dishes, at=10.0, owner=ME):
    """A dish that was stored, and whose delete was acknowledged at `at`."""
    dish = dishes.start(NOON, owner)
    dishes.stored(dish, at - 5)
    dishes.removed(dish, at)
    return dish


def observe(dishes, *listed, asked, now_ms=NOON):
    return dishes.observe({**FOREIGN, **{dish.time: 1 for dish in listed}}, asked, now_ms, PATIENCE)


CLOCKS = st.lists(st.one_of(st.just(0), st.integers(-100, 100), st.integers(-2 * DAY_MS, 2 * DAY_MS)), max_size=200)


@given(st.integers(0, SLOTS - 1), st.sampled_from([1, 2, SLOTS]), CLOCKS)
def test_no_time_is_used_twice(slot, slots, steps):
    """Whether the clock stands still, steps back or jumps over days, each time is new and of the worker's slot."""
    times, now, given_out = DishTimes(slot, slots), NOON, []
    for step in steps:
        now += step
        given_out.append(times.next(now))
    assert len(set(given_out)) == len(given_out)
    assert all(time % slots == slot % slots for time in given_out)


def test_workers_share_no_time():
    """Of 64 workers that start at the same moment, no two send the same time."""
    workers = [DishTimes(slot, SLOTS) for slot in range(SLOTS)]
    times = Counter(worker.next(NOON + now) for now in (0, 0, 1, 50, 0, 200) for worker in workers)
    assert max(times.values()) == 1


@pytest.mark.parametrize("now", [NOON, MIDNIGHT + DAY_MS - 1, MIDNIGHT + 1000 * SLOTS])
@given(slot=st.integers(0, SLOTS - 1), steps=st.lists(st.integers(-5, 0), max_size=300))
def test_times_stay_on_their_day(now, slot, steps):
    """A burst of flows, also in the last millisecond before midnight, makes dishes of the day it happens on."""
    times = DishTimes(slot, SLOTS)
    given_out = [times.next(now + step) for step in [0, *steps]]
    assert {time // DAY_MS for time in given_out} == {now // DAY_MS}


def test_a_time_is_now_where_it_can_be():
    """A flow a while after the last one gets the present millisecond, or the slot's last one before it."""
    assert DishTimes().next(NOON) == NOON
    times = DishTimes(3, SLOTS)
    assert [NOON + now - times.next(NOON + now) for now in (0, 63, 128)] == [61, 60, 61]


def test_a_burst_in_the_first_millisecond_of_a_day():
    """Where the day has no earlier time left, a later one is taken."""
    times = DishTimes()
    assert [times.next(MIDNIGHT) for _ in range(3)] == [MIDNIGHT, MIDNIGHT + 1, MIDNIGHT + 2]


@pytest.mark.parametrize(
    ("time", "now", "expected"),
    [
        (NOON, NOON, True),
        (MIDNIGHT, NOON, True),
        (NOON - DAY_MS, NOON, False),
        (NOON + DAY_MS, NOON, False),
        (NOON, MIDNIGHT + DAY_MS - 60_001, True),
        (NOON, MIDNIGHT + DAY_MS - 60_000, False),
        (NOON, MIDNIGHT + DAY_MS, False),
        (MIDNIGHT, MIDNIGHT + 59_999, False),
        (MIDNIGHT, MIDNIGHT + 60_000, True),
    ],
)
def test_when_a_list_can_tell(time, now, expected):
    """A list tells of the dishes of its own day, and of none within a minute of midnight UTC."""
    assert tells_today(time, now) is expected


def test_the_life_of_a_dish():
    """A dish is its owner's from before its upload until a list shows that it is gone."""
    dishes, writes = account()
    dish = dishes.start(NOON, ME)
    assert (dish.time, dish.state, dishes.open(ME), dishes.open(OTHER)) == (NOON, State.SENT, [dish], [])
    dishes.stored(dish, 1.0)
    assert (dish.state, dish.since, writes.dishes.acknowledged) == (State.THERE, 1.0, 1)
    dishes.removed(dish, 2.0)
    assert (dishes.open(ME), dishes.unconfirmed(ME), dishes.left()) == ([], [dish], [dish])
    assert writes.deletes == Tally(1)
    assert observe(dishes, asked=2.1) == 0
    assert (dishes.unconfirmed(ME), dishes.left()) == ([], [])
    assert writes.deletes == Tally(1, 1, 1)


def test_a_dish_that_never_came():
    """An upload that failed and left nothing is forgotten, and counts for nothing."""
    dishes, writes = account()
    dishes.never_came(dishes.start(NOON, ME))
    assert dishes.left() == []
    assert writes == Writes()


def test_a_list_asked_for_before_the_delete_tells_nothing():
    """A list that was under way when the delete was acknowledged neither confirms it nor shows a ghost."""
    dishes, writes = account()
    dish = deleted(dishes, at=10.0)
    assert observe(dishes, dish, asked=9.9) == 0
    assert observe(dishes, asked=9.9) == 0
    assert dishes.unconfirmed(ME) == [dish]
    assert writes.deletes == Tally(1)


def test_a_delete_may_take_its_time():
    """A dish that is listed within the patience and then gone was deleted late, by so much."""
    dishes, writes = account()
    dish = deleted(dishes, at=10.0)
    assert observe(dishes, dish, asked=11.9) == 0
    assert dishes.unconfirmed(ME) == [dish]
    assert observe(dishes, asked=12.5) == 0
    assert writes.deletes == Tally(1, 1, 1, 1, 2500.0)


def test_a_ghost_is_reported_once():
    """A deleted dish that is listed after the patience is one ghost in however many lists, and open again."""
    dishes, writes = account()
    dish = deleted(dishes, at=10.0)
    assert observe(dishes, dish, asked=12.0) == 1
    assert [observe(dishes, dish, asked=asked) for asked in (12.1, 20.0)] == [0, 0]
    assert (dishes.open(ME), dish.state, writes.deletes) == ([dish], State.LOST, Tally(1, 1))


@pytest.mark.parametrize("late", [False, True])
def test_a_ghost_may_come_back_after_it_was_gone(late):
    """A dish that was confirmed gone, at once or late, and is listed again is a ghost that anyone may remove."""
    dishes, writes = account()
    dish = deleted(dishes, at=10.0)
    if late:
        observe(dishes, dish, asked=11.0)
    observe(dishes, asked=11.5)
    assert writes.deletes.seen == 1
    assert observe(dishes, dish, asked=11.9) == 0
    assert observe(dishes, dish, asked=13.0) == 1
    assert observe(dishes, dish, asked=14.0) == 0
    assert dishes.open(OTHER) == [dish]
    assert (writes.deletes.looked, writes.deletes.seen, writes.deletes.late) == (1, 0, 0)


def test_removing_a_ghost_is_no_second_write():
    """The delete of a ghost, or of a dish that was never acknowledged, is looked for but not tallied."""
    dishes, writes = account()
    ghost = deleted(dishes, at=10.0)
    observe(dishes, ghost, asked=12.0)
    unknown = dishes.start(NOON, ME)
    for dish in (ghost, unknown):
        dishes.removed(dish, 13.0)
        dishes.removed(dish, 13.5)
    assert dishes.unconfirmed(ME) == [ghost, unknown]
    observe(dishes, asked=14.0)
    assert dishes.left() == []
    assert writes.deletes == Tally(1, 1)


@pytest.mark.parametrize("now_ms", [MIDNIGHT + DAY_MS, MIDNIGHT + DAY_MS + 3_600_000, MIDNIGHT + DAY_MS - 1])
@pytest.mark.parametrize("listed", [False, True])
def test_midnight_gives_no_alarm(now_ms, listed):
    """Near and after midnight a delete of the day before is neither a ghost nor looked for."""
    dishes, writes = account()
    dish = deleted(dishes, at=10.0)
    assert observe(dishes, *[dish] * listed, asked=100.0, now_ms=now_ms) == 0
    assert dishes.left() == []
    assert writes.deletes == Tally(1)


def test_the_days_before_are_forgotten():
    """What is gone is remembered for its day only, so that a long run does not grow."""
    dishes, _ = account()
    dish = deleted(dishes, at=10.0)
    observe(dishes, asked=11.0)
    observe(dishes, asked=12.0, now_ms=NOON + DAY_MS)
    assert observe(dishes, dish, asked=20.0, now_ms=NOON + DAY_MS) == 0


def test_deletes_may_be_believed():
    """Without confirming, an acknowledged delete is the end of a dish."""
    dishes, writes = account(confirm=False)
    deleted(dishes)
    assert dishes.left() == []
    assert writes.deletes == Tally(1)


def test_what_a_user_leaves_is_for_the_next():
    """The open dishes and unconfirmed deletes of one who left are everybody's, other users' own are not."""
    dishes, _ = account()
    mine, theirs, gone = dishes.start(NOON, ME), dishes.start(NOON, OTHER), deleted(dishes)
    dishes.leave(ME)
    assert dishes.open("third") == [mine]
    assert dishes.open(OTHER) == [theirs, mine]
    assert dishes.unconfirmed("third") == [gone]
    dishes.removed(mine, 20.0)
    observe(dishes, asked=21.0)
    assert dishes.left() == [theirs]


@given(st.lists(st.booleans(), min_size=1, max_size=20), st.lists(st.floats(2.0, 60.0), min_size=1, max_size=5))
def test_every_ghost_is_found_and_nothing_else(obeyed, delays):
    """Of any deletes, just those that the server did not do are reported, each once, by the first list to tell."""
    dishes, writes = account()
    made = [deleted(dishes, at=10.0) for _ in obeyed]
    kept = [dish for dish, done in zip(made, obeyed, strict=True) if not done]
    ghosts = [observe(dishes, *kept, asked=10.0 + delay) for delay in sorted(delays)]
    assert ghosts == [len(kept), *[0] * (len(delays) - 1)]
    assert dishes.left() == kept
    assert writes.deletes == Tally(len(made), len(made), len(made) - len(kept))


class AnyOrder(RuleBasedStateMachine):
    """Uploads, deletes, lists and departures in any order, with lists that may show anything."""

    known = Bundle("known")

    def __init__(self):
        super().__init__()
        self.dishes, self.writes = account()
        self.now_ms, self.clock = NOON, 0.0
        self.own = set()
        self.ghosts = 0
        self.deletes = 0

    @rule(target=known, owner=st.sampled_from([ME, OTHER]))
    def start(self, owner):
        dish = self.dishes.start(self.now_ms, owner)
        assert dish.time not in self.own
        self.own.add(dish.time)
        return dish

    @rule(dish=known)
    def stored(self, dish):
        if dish.state is State.SENT:
            self.dishes.stored(dish, self.clock)

    @rule(dish=known)
    def removed(self, dish):
        self.deletes += 1
        self.dishes.removed(dish, self.clock)

    @rule(dish=known)
    def never_came(self, dish):
        if dish in self.dishes.open(dish.owner):
            self.dishes.never_came(dish)

    @rule(owner=st.sampled_from([ME, OTHER]))
    def leave(self, owner):
        self.dishes.leave(owner)

    @rule(seconds=st.floats(0.1, 5), day=st.sampled_from([0, 0, 0, DAY_MS // 2]))
    def wait(self, seconds, day):
        self.clock += seconds
        self.now_ms += int(seconds * 1000) + day

    @rule(listed=st.sets(st.integers(0, 20)), ago=st.floats(0, 3))
    def observe(self, listed, ago):
        own = sorted(self.own)
        shown = {own[index] for index in listed if index < len(own)}
        self.ghosts += self.dishes.observe(
            {**FOREIGN, **dict.fromkeys(shown, 1)}, self.clock - ago, self.now_ms, PATIENCE
        )

    @invariant()
    def counts_are_in_order(self):
        for _, tally in self.writes.items():
            assert 0 <= tally.late <= tally.seen <= tally.looked <= tally.acknowledged
        assert self.ghosts <= self.deletes

    @invariant()
    def only_our_own_come_out(self):
        left = self.dishes.left()
        times = [dish.time for dish in left]
        assert set(times) <= self.own
        assert len(times) == len(set(times))
        for owner in (ME, OTHER):
            for dish in self.dishes.open(owner) + self.dishes.unconfirmed(owner):
                assert dish in left
                assert dish.owner in (owner, None)


def test_any_order_of_events():
    """Whatever happens in whatever order, the counts agree and only dishes of our own ever come out."""
    run_state_machine_as_test(AnyOrder)
