"""An earlier verdict is read whole, or refused with what is wrong with it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.exits import Refused
from chaterload.judge.baseline import (
    FORMAT,
    MOST,
    load_baseline,
    not_compared,
    parse_baseline,
    read_times,
    write_times,
)
from chaterload.judge.comparison import Tolerance, Window, compare_windows
from chaterload.judge.dependence import Dependence, Factors
from chaterload.judge.measure import ALL, Endpoint, EndpointStats

TODAY, WEIGHT = Endpoint("GET", "/eater_get_today"), Endpoint("POST", "/manual_weight")
FACTORS = {"ranks": 1.5, "slowest": 1.0, "failures": 2.0}
ROW = {
    "method": "POST",
    "path": "/manual_weight",
    "requests": 500,
    "failures": 5,
    "times": "100x300 120x199 5000",
    "dependence": FACTORS,
}
TOGETHER = FACTORS | {"freedom": 20}
DOCUMENT = {"format": FORMAT, "endpoints": [ROW], "dependence": TOGETHER}


@given(st.dictionaries(st.integers(0, MOST), st.integers(1, MOST), max_size=20))
def test_times_in_a_line(times):
    """Whatever was counted, the line of it is read as the same."""
    assert read_times(write_times(times)) == times


def test_how_the_line_looks():
    """A time that one request took stands alone, others have their number behind them."""
    assert write_times({98: 1, 101: 3, 99: 12}) == "98 99x12 101x3"
    assert write_times({}) == ""


@pytest.mark.parametrize(
    "text", ["1 ", "x", "1x", "1x2x3", "-1", "1.5", "1e3", "1x-2", "\u0661", "9" * 17, None, 5, ["1"]]
)
def test_what_is_no_line_of_times(text):
    """Anything else is none."""
    with pytest.raises(ValueError, match="is no"):
        read_times(text)


def window(**counts):
    names = {"today": TODAY, "weight": WEIGHT}
    return Window({names[name]: EndpointStats(n, 0, {100: n}) for name, n in counts.items()})


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        ({"weight": 9}, "one of the two runs has 9 requests at the endpoints that both asked, and 10 are needed"),
        ({"today": 500}, "the two runs asked no endpoint in common"),
        ({}, "the two runs asked no endpoint in common"),
        ({"weight": 10}, None),
        ({"weight": 500, "today": 500}, None),
    ],
)
def test_a_comparison_that_could_not_be_made(now, reason):
    """Where nothing could be compared, that is a reason; where anything could, there is none."""
    found = not_compared(compare_windows(window(weight=500), window(**now), Tolerance(0.1)))
    assert found == ([f"nothing could be compared with the baseline: {reason}"] if reason else [])


def test_an_earlier_version():
    """A verdict that was written before the counts were kept is refused, with what to do."""
    old = {"format": FORMAT, "endpoints": [{"method": "GET", "path": "/a", "p95_ms": 3.0}]}
    with pytest.raises(Refused, match=r"'earlier.json' was written by an earlier version, .* Expected"):
        parse_baseline(old, "earlier.json")


def test_an_earlier_verdict_is_read(tmp_path):
    """The endpoints of a verdict JSON are read, and whatever else is in it is left alone."""
    path = tmp_path / "earlier.json"
    path.write_text(json.dumps(DOCUMENT | {"more": None}))
    factors = Factors(1.5, 1.0, 2.0)
    assert load_baseline(path) == Window(
        {WEIGHT: EndpointStats(500, 5, {100: 300, 120: 199, 5000: 1})}, Dependence({WEIGHT: factors, ALL: factors}, 20)
    )


def with_row(**changed):
    return DOCUMENT | {"endpoints": [ROW | changed]}


WRONG = {
    "another format": DOCUMENT | {"format": FORMAT + 1},
    "no format": {"endpoints": [ROW]},
    "a list": [ROW],
    "nothing": None,
    "no endpoints": {"format": FORMAT, "dependence": TOGETHER},
    "endpoints by name": DOCUMENT | {"endpoints": {"a": ROW}},
    "no rows": DOCUMENT | {"endpoints": [3]},
    "a row without counts": DOCUMENT | {"endpoints": [{"method": "GET", "path": "/a"}]},
    "more failures than requests": with_row(failures=501),
    "a negative count": with_row(failures=-1),
    "half a request": with_row(requests=500.5),
    "a word": with_row(requests="500"),
    "endless requests": with_row(requests=float("inf")),
    "more requests than anybody makes": with_row(requests=10**400),
    "no line of times": with_row(times={"100": 500}),
    "times that nothing took": with_row(times="100x0"),
    "more times than anybody counts": with_row(times=f"1x{MOST} 2x{MOST}"),
    "a factor below 1": with_row(dependence=FACTORS | {"ranks": 0.5}),
    "an endless factor": with_row(dependence=FACTORS | {"ranks": float("inf")}),
    "no freedom": DOCUMENT | {"dependence": FACTORS},
    "no dependence": DOCUMENT | {"dependence": None},
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_verdict(case):
    """Anything that is no verdict of this format is refused, by the file's name and with what is expected."""
    with pytest.raises(Refused, match=r"^--baseline 'earlier.json' .* Expected .*\.$"):
        parse_baseline(WRONG[case], "earlier.json")


FILES = {"no JSON": b"{", "too deep": b"[" * 100_000, "a long number": b"1" * 5000}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_is_no_json(tmp_path, case):
    """Whatever the bytes of a file are, it is refused by its name."""
    path = tmp_path / "earlier.json"
    path.write_bytes(FILES[case])
    with pytest.raises(Refused, match="is not JSON"):
        load_baseline(path)
    with pytest.raises(Refused, match="does not exist"):
        load_baseline(tmp_path / "none.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(10**300, 10**320) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
ROWS = st.fixed_dictionaries({key: st.just(value) | JSON for key, value in ROW.items()})
DOCUMENTS = st.fixed_dictionaries(
    {
        "format": st.just(FORMAT) | JSON,
        "endpoints": st.lists(ROWS | JSON, max_size=2),
        "dependence": st.just(TOGETHER) | JSON,
    }
)


@given(JSON | DOCUMENTS)
def test_any_json_is_read_or_refused(document):
    """Whatever a JSON file holds, it can be compared with and told, or it is refused; never anything else."""
    try:
        found = parse_baseline(document, "earlier.json")
    except Refused:
        return
    now = Window(dict.fromkeys(found.endpoints, EndpointStats(10, 1, {100: 10}, 1000.0, 100.0)))
    for each in compare_windows(found, now, Tolerance(0.1)):
        assert str(each)
        json.dumps([each.growth, each.p95_before_ms, each.failure_ratio_before], allow_nan=False)
