"""Faults are drawn in the shares asked for, the same for the same seed."""

from collections import Counter

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from chaterload.standin.faults import ANSWER_FAULTS, Faults, FaultSettings
from proto.delete_food_pb2 import DeleteFoodResponse
from proto.today_food_pb2 import TodayFood

MIXED = FaultSettings(fault_5xx=0.2, fault_failed=0.1, fault_hang=0.05, drop_photo=0.3)


def drawn(seed, count=200):
    """What that many requests get."""
    faults = Faults(MIXED, seed)
    return [faults.draw("/x") for _ in range(count)]


def test_the_same_seed_gives_the_same_faults():
    """Two runs with one seed draw the same, another seed does not."""
    assert drawn(seed=1) == drawn(seed=1) != drawn(seed=2)


def test_faults_come_in_their_shares():
    """Over many draws each kind has about its share."""
    shares = Counter(drawn(seed=3, count=10_000))
    assert shares["5xx"] == pytest.approx(2000, rel=0.1)
    assert shares["failed"] == pytest.approx(1000, rel=0.15)
    assert shares["hang"] == pytest.approx(500, rel=0.2)
    assert shares[None] == pytest.approx(6500, rel=0.05)


def test_drops_do_not_depend_on_the_answers_drawn():
    """Which photos are dropped stays the same, however many answers were drawn between them."""
    alone, busy = Faults(MIXED, 4), Faults(MIXED, 4)
    for _ in range(50):
        busy.draw("/x")
        assert busy.drops("photo") == alone.drops("photo")


def test_a_path_can_fail_alone():
    """A share for one path leaves the others alone."""
    faults = Faults(FaultSettings(fail={"/feedback": 1.0}), 0)
    assert (faults.draw("/feedback"), faults.draw("/set_language")) == ("5xx", None)


@given(st.builds(TodayFood, person_weight=st.floats(1, 200, width=32)), st.sampled_from(ANSWER_FAULTS[2:4]))
def test_garbled_answers_cannot_be_decoded(message, kind):
    """Neither a truncated nor a garbage answer is a protobuf message any more."""
    garbled = Faults(FaultSettings(), 0).garbled(kind, message.SerializeToString())
    with pytest.raises(DecodeError):
        TodayFood.FromString(garbled)


def test_the_shortest_answer_is_garbled_too():
    """Even a body of two bytes is undecodable after each fault."""
    body = DeleteFoodResponse(success=True).SerializeToString()
    for kind in ("truncated", "garbage"):
        with pytest.raises(DecodeError):
            DeleteFoodResponse.FromString(Faults(FaultSettings(), 0).garbled(kind, body))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"fault_5xx": 1.5}, "fault_5xx is a share between 0 and 1"),
        ({"fault_5xx": -0.1}, "fault_5xx is a number from 0 up"),
        ({"fault_5xx": "half"}, "fault_5xx is a number from 0 up"),
        ({"fault_5xx": True}, "fault_5xx is a number from 0 up"),
        ({"drop_photo": float("nan")}, "drop_photo is a number from 0 up"),
        ({"late_writes": float("inf")}, "late_writes is a number from 0 up"),
        ({"fault_5xx": 0.6, "fault_hang": 0.6}, "add up to more than 1"),
        ({"fail": {"/feedback": 2}}, "fail /feedback is a share"),
        ({"fail": 1}, "fail is a share for each path"),
        ({"silent_backend": 1}, "silent_backend is true or false"),
        ({"gremlins": 1}, "no such fault: gremlins"),
        ({"modes": "redis-gone"}, "modes is a list"),
        ({"modes": ["gremlins"]}, "'gremlins' is no fault mode"),
        ({"modes": [5]}, "5 is no fault mode"),
    ],
)
def test_what_cannot_be_is_refused(values, sentence):
    """Settings that make no sense are named in plain words."""
    with pytest.raises(ValueError, match=sentence):
        FaultSettings().changed(values)
