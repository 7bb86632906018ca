"""What a run prints at its end, and where."""

import logging

import pytest
from locust.env import Environment
from locust.stats import print_percentile_stats, print_stats

from chaterload.internals import STATS_LOGGER
from chaterload.run.printing import print_end, silence_tables
from chaterload.run.run_options import RunOptions
from tests.report.conftest import make_report


@pytest.fixture
def environment() -> Environment:
    """With one request to each of two endpoints, of which one failed."""
    made = Environment()
    made.stats.log_request("GET", "/eater_get_today", 31, 0)
    made.stats.log_request("POST", "/feedback", 12, 0)
    made.stats.log_error("POST", "/feedback", "server error")
    return made


@pytest.mark.parametrize("json", [False, True])
@pytest.mark.parametrize("judged", [False, True])
def test_where_the_end_is_told(
    environment: Environment, capsys: pytest.CaptureFixture[str], json: bool, judged: bool
) -> None:
    """On stdout, which is Locust's JSON alone with --json; without a report there are endpoints and failures alone."""
    print_end(environment, RunOptions(json=json), make_report() if judged else None, None)
    out, err = capsys.readouterr()
    told, other = (err, out) if json else (out, err)
    assert other == ""
    assert ("Verdict: PASS (exit code 0)" in told) == judged
    assert ("1 x server error at POST /feedback" in told) == (not judged)
    assert "\nGET /eater_get_today " in told


def test_locusts_tables_are_silent(environment: Environment, caplog: pytest.LogCaptureFixture) -> None:
    """Locust prints both of its last tables until it is told not to, and then neither."""
    caplog.set_level(logging.INFO, STATS_LOGGER)  # which is as it was when the test has ended
    print_stats(environment.stats, current=False)
    print_percentile_stats(environment.stats)
    assert "Response time percentiles" in caplog.text
    caplog.clear()
    silence_tables()
    print_stats(environment.stats, current=False)
    print_percentile_stats(environment.stats)
    assert caplog.text == ""
