"""Charts are SVG without scripts, whatever the run was like."""

import xml.etree.ElementTree as ET

import pytest

from chaterload.judge.curve import Curve, Point, Shape
from chaterload.judge.history import Sample
from chaterload.judge.measure import ALL, Endpoint
from chaterload.judge.objectives import Measure, Objective
from chaterload.report.charts import MOST_POINTS, against_users, all_charts, over_time, response_times, thin

TODAY, WEIGHT = Endpoint("GET", "/eater_get_today"), Endpoint("POST", "/manual_weight")
OBJECTIVES = [Objective(WEIGHT, Measure.named("p95"), 500.0), Objective(ALL, Measure.named("failure_ratio"), 0.01)]
POINTS = tuple(Point(users, min(users, 60.0), 10.0 * users) for users in range(20, 101, 20))


def sample(at, endpoints=(WEIGHT, ALL), requests=30):
    return Sample(at, 3.0, 10, requests, 1, dict.fromkeys(endpoints, (40.0, 90.0)))


RUN = [sample(3.0 * number) for number in range(1, 11)]
RUNS = {"no sample": [], "one sample": RUN[:1], "a run": RUN, "no request": [sample(3.0, (), 0), sample(6.0, (), 0)]}


def parsed(svg):
    return ET.fromstring(svg)  # noqa: S314  # our own


def texts(svg):
    return [element.text for element in parsed(svg).iter() if element.text]


@pytest.mark.parametrize("case", RUNS)
@pytest.mark.parametrize("curve", [None, Curve(Shape.INCREASING, POINTS, None, None)])
def test_every_run_has_its_charts(case, curve):
    """Each chart is a well-formed SVG, without a script and without anything to fetch."""
    charts = all_charts(RUNS[case], OBJECTIVES, curve)
    assert len(charts) == 5 + bool(curve)
    for svg in charts:
        assert parsed(svg).tag.endswith("svg")
        assert "<script" not in svg
        assert 'href="http' not in svg
        assert "url(http" not in svg


def test_which_charts_there_are():
    """Throughput, failures and users, each endpoint with a time limit, and all requests; the curve before them."""
    titles = [texts(svg) for svg in all_charts(RUN, OBJECTIVES, Curve(Shape.PLATEAUING, POINTS, 60.0, 60.0))]
    wanted = ("against users", "Throughput", "Failures", "Users", str(WEIGHT), str(ALL))
    assert [name for name, found in zip(wanted, titles, strict=True) if not any(name in text for text in found)] == []


def test_limits_are_lines():
    """A time limit is a line of its endpoint's chart; another endpoint's and a failure ratio are not."""
    weight, everything = (response_times(RUN, endpoint, OBJECTIVES) for endpoint in (WEIGHT, ALL))
    assert "limit of p95" in texts(weight)
    assert not any("limit" in text for text in texts(everything))
    assert "stroke-dasharray" in weight


def test_the_knee_is_marked():
    """A curve with a knee shows it, and one without does not."""
    assert "knee" in texts(against_users(Curve(Shape.PLATEAUING, POINTS, 60.0, 60.0)))
    assert "knee" not in texts(against_users(Curve(Shape.INCREASING, POINTS, None, None)))


def test_one_figure_over_time():
    """A chart of one figure has its title and its unit."""
    found = texts(over_time(RUN, "Throughput", "requests per second", lambda s: s.requests_per_second))
    assert "Throughput" in found
    assert "requests per second" in found


@pytest.mark.parametrize("count", [0, 1, 2, 199, 200, 201, 400, 2401, 86_400])
def test_no_more_points_than_a_chart_can_show(count):
    """A run of any length is thinned evenly, and its last sample is always there."""
    samples = [sample(3.0 * number) for number in range(count)]
    thinned = thin(samples)
    assert len(thinned) <= MOST_POINTS + 1
    assert list(thinned[-1:]) == samples[-1:]
    assert len(thinned) == count if count <= MOST_POINTS else len(thinned) > MOST_POINTS / 2
    assert [s.at for s in thinned] == sorted({s.at for s in thinned})


def test_names_are_escaped():
    """What an objectives file calls an endpoint cannot break the picture."""
    nasty = Endpoint("GET", "/<script>&\"'")
    assert parsed(response_times([sample(3.0, (nasty,))], nasty, [])) is not None
