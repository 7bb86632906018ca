"""Writes are counted as acknowledged, checked and confirmed, and what did not show is told as far as it is known."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.chater.writes import KINDS, LOOKS_S, DayList, ExpectedWrite, Tally, Writes, WriteState, next_look

COUNTS = st.integers(0, 10**6)
MS = st.floats(0, 1e6)
TALLIES = st.builds(Tally, *[COUNTS] * 7, st.none() | MS, st.none() | MS, st.just(0.0), MS)
WRITES = st.builds(Writes, TALLIES, TALLIES, TALLIES, TALLIES)
PATIENCE = 2.0


def look(asked, *, shows):
    return DayList(1, {1: 100} if shows else {}, 0.0, asked)


def write(tally=None, verifiable=True):
    return ExpectedWrite(
        tally or Tally(1), 10.0, visible_in=lambda listed: 1 in listed.calories, verifiable=lambda _: verifiable
    )


SEEN, LOST, PENDING = WriteState.SEEN, WriteState.LOST, WriteState.PENDING


@pytest.mark.parametrize(
    ("looks", "tally", "state"),
    [
        ([(10.5, True)], Tally(1, 1, 1), SEEN),
        ([(10.5, False)], Tally(1), PENDING),
        ([(9.9, True)], Tally(1), PENDING),
        ([(9.9, False), (20.0, True)], Tally(1, 1, 1), SEEN),
        (
            [(10.1, False), (10.5, False), (11.5, True)],
            Tally(1, 1, 1, 1, latest_after_ms=500.0, latest_ms=1500.0),
            SEEN,
        ),
        ([(10.5, False), (12.5, False)], Tally(1, 1, unseen_ms=2500.0), LOST),
        ([(12.5, False), (13.0, True)], Tally(1, 1, unseen_ms=2500.0), LOST),
    ],
    ids=["seen at once", "not yet", "asked before", "asked before and after", "late", "lost", "lost at its only look"],
)
def test_a_write_is_judged(looks, tally, state):
    """A write that shows is seen, one that shows at a later look was late by an interval, one that does not is lost."""
    judged = write()
    results = [judged.judge(look(asked, shows=shows), PATIENCE) for asked, shows in looks]
    assert (judged.tally, judged.state) == (tally, state)
    assert sum(results) == (state is LOST)


@pytest.mark.parametrize("shows", [False, True])
@pytest.mark.parametrize("asked", [10.5, 20.0])
def test_what_nobody_can_tell_is_not_counted(shows, asked):
    """Where no list can tell, the write is settled without being checked."""
    judged = write(verifiable=False)
    assert judged.judge(look(asked, shows=shows), PATIENCE) is False
    assert (judged.tally, judged.state, judged.pending) == (Tally(1, undecidable=1), WriteState.UNDECIDABLE, False)


def test_the_latest_is_kept():
    """Of several late writes, the latest says between which two looks it showed; overdue ones too."""
    tally = Tally(4)
    tally.confirm(100.0, 500.0)
    tally.confirm(1000.0, 2000.0)
    tally.confirm(None, 9000.0)
    assert (tally.late, tally.latest()) == (2, "1.0 to 2.0 s")
    tally.miss(2100.0)
    tally.show_overdue(2100.0, 4300.0)
    assert (tally.overdue, tally.unshown, tally.latest()) == (1, 0, "2.1 to 4.3 s")


@given(st.lists(st.tuples(st.lists(st.booleans(), max_size=4), st.booleans())))
def test_a_tally_never_counts_more_than_was_acknowledged(histories):
    """late <= confirmed <= checked <= acknowledged, and what was not shown in time is exactly what was lost."""
    tally, writes = Tally(), []
    for shown, verifiable in histories:
        tally.acknowledged += 1
        writes.append(judged := write(tally, verifiable))
        for turn, shows in enumerate([*shown, False]):
            judged.judge(look(10.0 + turn, shows=shows), PATIENCE)
        assert 0 <= tally.late <= tally.confirmed <= tally.checked <= tally.acknowledged
    assert tally.unshown == sum(judged.state is LOST for judged in writes)


@given(WRITES)
def test_writes_survive_the_wire(writes):
    """What a worker sends as a dictionary is what the master reads."""
    assert Writes.from_dict(json.loads(json.dumps(writes.to_dict()))) == writes


@given(st.lists(WRITES, max_size=4))
def test_workers_add_up(parts):
    """Counts add up over workers, the latest is the latest of all, and the shortest time the shortest."""
    total = Writes()
    for part in parts:
        total.add(part)
    for kind, tally in total.items():
        own = [getattr(part, kind) for part in parts]
        for count in ("acknowledged", "checked", "confirmed", "late", "overdue", "lost", "undecidable"):
            assert getattr(tally, count) == sum(getattr(part, count) for part in own)
        assert tally.latest_ms == max((part.latest_ms for part in own), default=0.0)
        for shortest in ("unseen_ms", "lost_ms"):
            known = [value for part in own if (value := getattr(part, shortest)) is not None]
            assert getattr(tally, shortest) == min(known, default=None)


def test_what_is_missing_in_words():
    """Each way of not showing in time is told for what it is; what was not checked is not missing."""
    lossy = Writes(
        dishes=Tally(9, 8, 3, 1, 2, 1, unseen_ms=2014.0, lost_ms=10_300.0, latest_after_ms=3900.0, latest_ms=4300.0),
        modifies=Tally(4, 2, 2),
        weights=Tally(3, 3, 2, unseen_ms=2049.0),
        deletes=Tally(3, 3, 1, overdue=1, unseen_ms=2000.0, latest_after_ms=2000.0, latest_ms=3000.0),
    )
    assert lossy.missing() == [
        "1 of the acknowledged dishes are lost: they did not show within 10.3 s",
        "2 of the acknowledged dishes showed late: the latest after 3.9 to 4.3 s",
        "2 of the acknowledged dishes did not show within 2.0 s",
        "1 of the acknowledged weights did not show within 2.0 s",
        "1 of the acknowledged deletes were done late: the latest after 2.0 to 3.0 s",
        "1 of the acknowledged deletes were not done within 2.0 s",
    ]
    assert Writes().missing() == []


@given(WRITES)
def test_a_reset_forgets_all(writes):
    """After a reset nothing is counted, and a tally that is still held elsewhere changes nothing."""
    held = writes.dishes
    writes.reset()
    held.confirm(None, 1.0)
    assert writes == Writes()
    assert [kind for kind, _ in writes.items()] == list(KINDS)


@given(st.floats(0, 60), st.floats(0, 100))
def test_the_looks_end(patience, first):
    """However long each look takes, looks come later and later, few in number, and the last one when time is over."""
    now, looks = first, list[float]()
    while not looks or looks[-1] < patience:
        looks.append(next_look(0.0, now, patience))
        now = max(now, looks[-1])
    assert looks == sorted(set(looks))
    assert looks[-1] == patience
    assert len(looks) <= len(LOOKS_S) + 1
