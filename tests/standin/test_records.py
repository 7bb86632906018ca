"""Accounts keep, change and forget dishes as the contract says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.chater.wire import DAY_MS
from chaterload.standin.records import INT32, KEPT, KEPT_PHOTOS, Account, Records, StoredDish

TIME = 20_000 * DAY_MS + 123


@pytest.fixture
def account():
    """An account with one dish of 400 kcal."""
    account = Account()
    account.add(StoredDish.guessed(TIME, calories=400, weight=300))
    return account


def test_a_guessed_dish_is_plausible_and_the_same_for_the_same_time():
    """What is not known about a dish follows from its time alone."""
    assert StoredDish.guessed(TIME) == StoredDish.guessed(TIME)
    assert 100 <= StoredDish.guessed(TIME).calories <= 1000


@pytest.mark.parametrize(
    ("percentages", "calories", "weight"),
    [
        ([200], 800, 600),
        ([200, 50], 400, 300),
        ([50, 50], 100, 75),
        ([0], 0, 0),
        ([0, 200], 0, 0),
        ([33], 132, 99),
        ([33, 33], 43, 32),
        ([-100], -400, -300),
        ([2_000_000_000], 400, 300),
    ],
)
def test_modifies_are_cumulative(account, percentages, calories, weight):
    """Each modify multiplies what the earlier ones left of calories and weight, and truncates."""
    for percentage in percentages:
        account.modify(TIME, percentage)
    assert (account.find(TIME).calories, account.find(TIME).weight) == (calories, weight)


@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=50))
def test_no_modify_leaves_the_range_of_int32(percentages):
    """However often and far a dish is modified, its answer can still be encoded."""
    account = Account()
    account.add(StoredDish.guessed(TIME))
    for percentage in percentages:
        account.modify(TIME, percentage)
    (dish,) = account.dishes()
    assert dish.calories in INT32


def test_unknown_times_are_left_alone(account):
    """Modify and delete of a dish that is not there do nothing."""
    account.modify(TIME + 1, 0)
    account.delete(TIME + 1)
    assert [dish.calories for dish in account.dishes()] == [400]


def test_a_deleted_dish_is_gone(account):
    """A dish that was deleted is in no list."""
    account.delete(TIME)
    assert account.dishes() == []


def test_dishes_belong_to_their_utc_day(account):
    """A day's list begins at its first millisecond and ends before the next day's."""
    first, last = 20_000 * DAY_MS, 20_001 * DAY_MS - 1
    for time in (first - 1, last, first, last + 1):
        account.add(StoredDish.guessed(time))
    assert [dish.time for dish in account.dishes(20_000)] == [first, TIME, last]


def test_a_second_dish_of_the_same_time_is_not_kept(account):
    """A time identifies a dish, so the first one stays."""
    assert not account.add(StoredDish.guessed(TIME, calories=1))
    assert account.find(TIME).calories == 400


def test_the_daily_count_starts_again_each_day(account):
    """Limited requests are counted for each day on its own."""
    assert [account.use(day) for day in (1, 1, 2, 2, 2, 1)] == [1, 2, 1, 2, 3, 1]


def test_nothing_is_seeded_when_a_part_is_wrong(account):
    """A seed with a bad drink adds no dish either."""
    with pytest.raises(TypeError):
        account.seed([{"time": 5}], [{"no": "time"}])
    assert len(account.dishes()) == 1


def test_what_was_sent_is_bounded():
    """Lists of what was sent keep the latest entries only."""
    records = Records()
    for number in range(KEPT + 3):
        records.note("a", "deletes", number)
    sent = records.accounts["a"].summary()["received"]["deletes"]
    assert (len(sent), sent[0], sent[-1]) == (KEPT, 3, KEPT + 2)


@pytest.mark.parametrize(("day", "weight"), [(5, 71), (12, 72), (14, 72), (15, 73), (99, 73)])
def test_the_weight_near_a_day(account, day, weight):
    """A day without a weight has that of the nearest day that has one, of two the later."""
    for weighed, on in ((70, 10), (71, 10), (72, 13), (73, 17)):
        account.weigh(weighed, on)
    assert account.weight_near(day) == weight


def test_old_photos_make_room(account):
    """The latest different photos are kept, and no more of them."""
    records = Records()
    for number in range(KEPT_PHOTOS + 1):
        records.keep_photo(str(number), b"x")
    assert (records.photo("0"), records.photo("1")) == (None, b"x")
