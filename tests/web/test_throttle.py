"""How long whoever guesses passwords has to wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.web.throttle import FIRST_DELAY_S, LONGEST_DELAY_S, MOST_ADDRESSES, Throttle


class Clock:
    """Stands still unless it is moved."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_each_wrong_one_doubles_the_wait() -> None:
    """1, 2, 4 s and so on up to the longest, for that address alone; a right one ends it."""
    clock = Clock()
    throttle = Throttle(clock)
    waits = []
    for _ in range(12):
        assert throttle.wait_s("10.0.0.1") == 0
        throttle.note("10.0.0.1", is_right=False)
        waits.append(throttle.wait_s("10.0.0.1"))
        clock.now += waits[-1]
    assert waits[:5] == [FIRST_DELAY_S * 2**n for n in range(5)]
    assert waits[5:] == [LONGEST_DELAY_S] * 7
    assert throttle.wait_s("10.0.0.2") == 0
    throttle.note("10.0.0.1", is_right=True)
    throttle.note("10.0.0.1", is_right=False)
    assert throttle.wait_s("10.0.0.1") == FIRST_DELAY_S


@pytest.mark.parametrize(
    ("one", "other"),
    [("2001:db8::1", "2001:db8::ffff:1"), ("::ffff:10.0.0.1", "10.0.0.1"), ("unix", "unix")],
)
def test_addresses_of_one_owner(one: str, other: str) -> None:
    """Who has one address of an IPv6 network, or spells one in two ways, waits for all of them."""
    throttle = Throttle(Clock())
    throttle.note(one, is_right=False)
    assert throttle.wait_s(other) == FIRST_DELAY_S


def test_its_memory_has_a_bound() -> None:
    """Of more addresses than it remembers, those that tried last still wait."""
    throttle = Throttle(Clock())
    for number in range(MOST_ADDRESSES + 1):
        throttle.note(f"10.0.{number // 256}.{number % 256}", is_right=False)
    assert throttle.wait_s("10.0.0.0") == 0
    assert throttle.wait_s("10.0.0.1") == FIRST_DELAY_S


@given(st.lists(st.integers(0, 40), min_size=10, max_size=40))
def test_guesses_in_a_time(pauses: list[int]) -> None:
    """However the tries are spaced, no more are looked at in the long run than one in the longest wait."""
    clock = Clock()
    throttle, looked_at = Throttle(clock), 0
    for pause in pauses:
        clock.now += pause
        if not throttle.wait_s("10.0.0.1"):
            looked_at += 1
            throttle.note("10.0.0.1", is_right=False)
    assert looked_at <= 7 + sum(pauses) / LONGEST_DELAY_S
