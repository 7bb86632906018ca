"""An endpoint that was never asked has its reason, where the figures show one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.judge.measure import Endpoint, EndpointStats, Snapshot
from chaterload.judge.objectives import Measure, Objective, State, evaluate
from chaterload.judge.reach import why_never_reached

PHOTO, TODAY, MODIFY, FEEDBACK = (
    Endpoint("POST", "/eater_receive_photo"),
    Endpoint("GET", "/eater_get_today"),
    Endpoint("POST", "/modify_food_record"),
    Endpoint("POST", "/feedback"),
)
FLOWS = [(FEEDBACK,), (PHOTO, TODAY, MODIFY)]


def asked(**counts):
    """Requests and failures by endpoint."""
    names = {"photo": PHOTO, "today": TODAY, "modify": MODIFY, "feedback": FEEDBACK}
    return Snapshot({names[name]: EndpointStats(n, failed, {10: n}) for name, (n, failed) in counts.items()}, 10.0)


@pytest.mark.parametrize(
    ("figures", "why"),
    [
        (asked(photo=(9, 9)), "POST /eater_receive_photo always failed"),
        (asked(photo=(9, 9), today=(3, 0)), "POST /eater_receive_photo always failed"),
        (asked(photo=(9, 2), today=(7, 7)), "GET /eater_get_today always failed"),
        (asked(photo=(9, 2), today=(7, 0)), "no user got past GET /eater_get_today"),
        (asked(photo=(9, 2)), "no user got past POST /eater_receive_photo"),
        (asked(feedback=(9, 9)), ""),
        (asked(), ""),
        (asked(photo=(9, 9), modify=(1, 0)), ""),
    ],
)
def test_why(figures, why):
    """The first step that always failed is the reason, else the last that was asked; without one there is none."""
    assert why_never_reached(MODIFY, figures, FLOWS) == why


def test_no_flow_asks_it():
    """Where no task asks an endpoint, or none says what it asks, nothing is claimed."""
    assert why_never_reached(MODIFY, asked(photo=(9, 9)), [(FEEDBACK,), ()]) == ""


def test_it_is_in_the_result():
    """An objective on such an endpoint has no data and says why."""
    (result,) = evaluate([Objective(MODIFY, Measure.named("p95"), 100.0)], asked(photo=(9, 9)), (), FLOWS)
    assert result.state is State.NO_DATA
    assert str(result) == "POST /modify_food_record was never reached: POST /eater_receive_photo always failed"


COUNTS = st.tuples(st.integers(0, 5), st.integers(0, 5)).map(lambda pair: (pair[0], min(pair)))


@given(st.fixed_dictionaries(dict.fromkeys(("photo", "today", "modify", "feedback"), COUNTS)))
def test_any_figures(counts):
    """Whatever was asked, only what was never asked has a reason, and it names a step that was asked."""
    figures = asked(**counts)
    for endpoint in (PHOTO, TODAY, MODIFY, FEEDBACK):
        why = why_never_reached(endpoint, figures, FLOWS)
        assert not why or not figures.endpoints[endpoint].requests
        assert not why or any(str(step) in why for step, m in figures.endpoints.items() if m.requests)
