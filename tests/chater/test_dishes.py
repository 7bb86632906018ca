"""Which dishes are whose, and what is told of those that are left."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.chater.dishes import TRACES, Dish, DishIndex, DishState, Leftover, Trace

EMAIL = "a@example.com"


def test_what_a_user_leaves_is_nobodys():
    """The dishes of one who has stopped are nobody's, other users' own are theirs."""
    index, mine, theirs = DishIndex(), Dish(EMAIL, 1, 0.0, "me"), Dish(EMAIL, 2, 0.0, "other")
    index.add(mine)
    index.add(theirs)
    assert (index.of("me"), index.of("other"), index.of(None)) == ([mine], [theirs], [])
    assert index.orphan("me") == [mine]
    assert (index.of("me"), index.of("other"), index.of(None), mine.owner) == ([], [theirs], [mine], None)
    index.discard(mine)
    index.discard(mine)
    assert list(index) == [theirs]


@given(st.lists(st.tuples(st.sampled_from(["add", "discard", "orphan"]), st.integers(0, 5), st.sampled_from("ab"))))
def test_the_index_holds_each_dish_once(events):
    """Whatever comes and goes in whatever order, each dish is with its owner or with nobody, and is listed once."""
    index, held = DishIndex(), {}
    for event, number, owner in events:
        if event == "add" and number not in held:
            held[number] = Dish(EMAIL, number, 0.0, owner)
            index.add(held[number])
        elif event == "discard" and number in held:
            index.discard(held.pop(number))
        elif event == "orphan":
            index.orphan(owner)
    assert sorted(dish.time_ms for dish in index) == sorted(held)
    assert all(dish in index.of(dish.owner) for dish in held.values())


@pytest.mark.parametrize("state", [state for state in DishState if state is not DishState.GONE])
def test_every_state_leaves_a_trace(state):
    """Whatever is not gone is told, and as certain only what a list has shown."""
    dish = Dish(EMAIL, 1_700_000_000_000, 0.0, state=state)
    assert dish.leftover == Leftover(EMAIL, 1_700_000_000_000, TRACES[state])
    assert dish.leftover.certain is (state in (DishState.LISTED, DishState.GHOST))


def test_leftovers_in_order():
    """What is left is told by account and time."""
    index = DishIndex()
    for email, time in (("b@example.com", 1), (EMAIL, 3), (EMAIL, 2)):
        index.add(Dish(email, time, 0.0, state=DishState.LISTED))
    assert index.leftovers() == [
        Leftover(EMAIL, 2, Trace.THERE),
        Leftover(EMAIL, 3, Trace.THERE),
        Leftover("b@example.com", 1, Trace.THERE),
    ]
