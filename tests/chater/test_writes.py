"""Writes are counted as acknowledged, looked for and seen."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.chater.writes import KINDS, Claim, Tally, Today, Writes

YES, NO = Today({1: 100}, 80.0), Today({}, 0.0)
COUNTS = st.integers(0, 10**6)
TALLIES = st.builds(Tally, COUNTS, COUNTS, COUNTS, COUNTS, st.floats(0, 1e6))
WRITES = st.builds(Writes, TALLIES, TALLIES, TALLIES, TALLIES)


def claim(tally=None, since=10.0, can_tell=True):
    return Claim(tally or Tally(1), since, shows=lambda today: 1 in today.calories, can_tell=lambda: can_tell)


@pytest.mark.parametrize(
    ("looks", "tally", "settled", "lost"),
    [
        ([(YES, 10.5, False)], Tally(1, 1, 1), True, False),
        ([(NO, 10.5, False)], Tally(1), False, False),
        ([(NO, 10.5, False), (YES, 12.5, True)], Tally(1, 1, 1, 1, 2500.0), True, False),
        ([(NO, 10.5, False), (NO, 12.5, True)], Tally(1, 1), True, True),
        ([(NO, 12.5, True)], Tally(1, 1), True, True),
    ],
    ids=["seen at once", "not yet", "late", "lost", "lost at its only look"],
)
def test_a_claim_is_judged(looks, tally, settled, lost):
    """A write that shows is seen, one that shows at the last look was late by so much, one that never does is lost."""
    judged = claim()
    results = [judged.judge(today, asked, last=last) for today, asked, last in looks]
    assert (judged.tally, judged.settled, judged.lost) == (tally, settled, lost)
    assert results == [False] * (len(looks) - 1) + [lost]


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("today", [YES, NO])
def test_what_nobody_can_tell_is_not_counted(today, last):
    """Where nobody can tell, the claim is settled without a look."""
    judged = claim(can_tell=False)
    assert judged.judge(today, 11.0, last=last) is False
    assert (judged.tally, judged.settled) == (Tally(1), True)


def test_the_longest_delay_is_kept():
    """Of several late writes, the latest says how late."""
    tally = Tally(3)
    for late_ms in (500.0, 2000.0, None):
        tally.found(late_ms)
    assert tally == Tally(3, 3, 3, 2, 2000.0)


@given(st.lists(st.tuples(st.sampled_from([YES, NO]), st.sampled_from([YES, NO]), st.booleans())))
def test_a_tally_never_counts_more_than_was_acknowledged(looks):
    """Late <= seen <= looked <= acknowledged, and what is missing is exactly what was lost."""
    tally = Tally()
    claims = []
    for first, second, can_tell in looks:
        tally.acknowledged += 1
        claims.append(judged := claim(tally, can_tell=can_tell))
        judged.judge(first, 11.0, last=False)
        if not judged.settled:
            judged.judge(second, 13.0, last=True)
        assert 0 <= tally.late <= tally.seen <= tally.looked <= tally.acknowledged
    assert tally.looked - tally.seen == sum(judged.lost for judged in claims)
    assert all(judged.settled for judged in claims)


@given(WRITES)
def test_writes_survive_the_wire(writes):
    """What a worker sends as a dictionary is what the master reads."""
    assert Writes.from_dict(json.loads(json.dumps(writes.to_dict()))) == writes


@given(st.lists(WRITES, max_size=4))
def test_workers_add_up(parts):
    """Counts add up over workers, and the latest is the latest of all."""
    total = Writes()
    for part in parts:
        total.add(part)
    for kind, tally in total.items():
        own = [getattr(part, kind) for part in parts]
        for count in ("acknowledged", "looked", "seen", "late"):
            assert getattr(tally, count) == sum(getattr(part, count) for part in own)
        assert tally.latest_ms == max((part.latest_ms for part in own), default=0.0)


def test_what_is_missing_in_words():
    """Lost writes of each kind and deletes that came back are told; what was not looked for is not missing."""
    lossy = Writes(
        dishes=Tally(acknowledged=9, looked=7, seen=5),
        modifies=Tally(acknowledged=4, looked=2, seen=2),
        deletes=Tally(acknowledged=3, looked=3, seen=2),
    )
    assert lossy.missing() == [
        "2 of the acknowledged dishes never showed",
        "1 of the acknowledged deletes came back",
    ]
    assert Writes().missing() == []


@given(WRITES)
def test_a_reset_forgets_all(writes):
    """After a reset nothing is counted, and a tally that is still held elsewhere changes nothing."""
    held = writes.dishes
    writes.reset()
    held.found()
    assert writes == Writes()
    assert [kind for kind, _ in writes.items()] == list(KINDS)
