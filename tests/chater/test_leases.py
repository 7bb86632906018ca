"""Accounts are handed out evenly, and to one user each as long as there are enough."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.chater.leases import AccountPool

ACQUIRE, RELEASE, DROP = "acquire", "release", "drop"
HOLDERS = st.sampled_from(["a", "b", "c"])
OPERATIONS = st.lists(
    st.tuples(st.just(ACQUIRE) | st.sampled_from([ACQUIRE, RELEASE, DROP]), HOLDERS, st.integers(0, 5)), max_size=60
)


@given(st.integers(1, 5), st.booleans(), OPERATIONS)
def test_against_a_naive_book(accounts, strict, operations):
    """Whatever happens, the next account is one of those with the fewest users, or none where that would share it."""
    book = AccountPool(accounts, strict=strict)
    held: Counter[tuple[str, int]] = Counter()
    for operation, holder, number in operations:
        users = [sum(n for (_, account), n in held.items() if account == i) for i in range(accounts)]
        if operation == RELEASE:
            book.release(holder, number)
            held[holder, number] = max(0, held[holder, number] - 1)
        elif operation == DROP:
            book.drop(holder)
            held = Counter({key: n for key, n in held.items() if key[0] != holder})
        else:
            got = book.acquire(holder)
            if strict and min(users) > 0:
                assert got is None
            else:
                assert got is not None
                assert users[got] == min(users)
                held[holder, got] += 1
        for account in range(accounts):
            assert book.users(account) == sum(n for (_, i), n in held.items() if i == account)
            assert sorted(book.holders(account)) == sorted(h for (h, i), n in held.items() if i == account and n)


def test_accounts_are_shared_evenly():
    """With more users than accounts, no account has two users more than another."""
    book = AccountPool(3)
    assert Counter(book.acquire("w") for _ in range(8)) == {0: 3, 1: 3, 2: 2}


def test_strict_refuses_to_share():
    """With strict, there is one user for each account, and a free one is handed out again."""
    book = AccountPool(2, strict=True)
    assert [book.acquire("w") for _ in range(3)] == [0, 1, None]
    book.release("w", 1)
    assert book.acquire("v") == 1


def test_the_longest_free_comes_first():
    """An account that was just released, and may still be tidied up, is the last to be handed out."""
    book = AccountPool(3)
    for _ in range(2):
        book.acquire("w")
    book.release("w", 0)
    assert [book.acquire("w") for _ in range(2)] == [2, 0]


def test_a_lost_worker_frees_its_accounts():
    """What a dropped holder had is free, what others have is not."""
    book = AccountPool(3, strict=True)
    assert [book.acquire("lost"), book.acquire("kept"), book.acquire("lost")] == [0, 1, 2]
    book.drop("lost")
    assert [book.acquire("new") for _ in range(3)] == [0, 2, None]
    assert book.holders(1) == ["kept"]


@pytest.mark.parametrize(("holder", "number"), [("stranger", 0), ("w", 1), ("w", 99)])
def test_what_was_not_held_is_not_released(holder, number):
    """A release or drop of something that was not held changes nothing."""
    book = AccountPool(2)
    book.acquire("w")
    book.release(holder, number)
    book.drop("stranger")
    assert [book.users(0), book.users(1)] == [1, 0]
