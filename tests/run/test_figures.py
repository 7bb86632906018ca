"""What the processes report, as one run's figures."""

from chaterload.judge.measure import Endpoint
from chaterload.judge.objectives import Measure, Objective
from chaterload.run.figures import past_limit

WEIGHT, TODAY = Endpoint("POST", "/manual_weight"), Endpoint("GET", "/eater_get_today")
OBJECTIVES = (Objective(WEIGHT, Measure.named("p95"), 500.0), Objective(TODAY, Measure.named("p95"), 2000.0))


def test_requests_that_wait_for_too_long():
    """Those in flight and those that were cut off count once they are older than an objective allows."""
    reports = [
        {"open": [["POST", WEIGHT.path, [499.0, 501.0, 9000.0]], ["GET", TODAY.path, [501.0, 1999.0]]]},
        {"open": [["GET", TODAY.path, [2001.0]]], "unanswered": [["POST", WEIGHT.path, [100.0, 600.0]]]},
        {},
    ]
    assert past_limit(reports, OBJECTIVES) == 4
    assert past_limit(reports[:1], OBJECTIVES) == 2
    assert past_limit([], OBJECTIVES) == 0


def test_an_endpoint_without_a_limit():
    """It has the largest that there is; without objectives nothing waits for too long."""
    reports = [{"open": [["POST", "/eater_auth", [1999.0, 2001.0]]]}]
    assert past_limit(reports, OBJECTIVES) == 1
    assert past_limit(reports, ()) == 0
