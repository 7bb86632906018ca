"""Objectives on the platform's own figures are read whole, asked politely, and judged by what Prometheus answers."""

import json
import tomllib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.exits import Refused
from chaterload.judge.measure import Endpoint
from chaterload.judge.objectives import Bound, State
from chaterload.judge.objectives_file import DEFAULT_FILE, load, parse
from chaterload.judge.queries import Query, judge_query, read_answer

CPU = Query("CPU", "avg(cpu)", 0.8)
MEMORY = Query("memory", "sum(memory)", None)
NOW = datetime(2025, 1, 1, tzinfo=UTC)
FOUR = {
    "Chater UI CPU, share of its limit": 0.8,
    "Chater UI memory": None,
    "database connections, share of the pool": 1.0,
    "Kafka consumer lag": None,
}


def parsed(text):
    return parse(tomllib.loads(text), "file.toml")[1]


def series(*values):
    return [(1000.0 + number, float(value)) for number, value in enumerate(values)]


def test_the_four_of_the_documentation():
    """The default file holds the documented limits: CPU below 80 %, memory and lag flat, connections below the pool."""
    _, queries = load(DEFAULT_FILE)
    assert {query.name: query.below for query in queries} == FOUR


def test_a_file_without_queries():
    """No [[query]] is no mistake."""
    assert parsed('["GET /a"]\np95 = 1') == []


def test_both_kinds():
    """A query has a name, an expression, and a limit or no rising trend."""
    assert parsed("""
        [[query]]
        name = "CPU"
        promql = "avg(cpu)"
        below = 0.8
        [[query]]
        name = "memory"
        promql = "sum(memory)"
        no_rising_trend = true
    """) == [CPU, MEMORY]


GOOD = 'name = "a"\npromql = "b"\n'
MISTAKES = {
    "no name": ('promql = "b"\nbelow = 1', "[[query]] 1 name is None. Expected a text."),
    "a blank name": ('name = " "\npromql = "b"\nbelow = 1', "name is ' '. Expected a text."),
    "a name that cannot be printed": (
        'name = "a\\u0000"\npromql = "b"\nbelow = 1',
        "name is 'a\\x00'. Expected a text that can be printed.",
    ),
    "a number for an expression": ('name = "a"\npromql = 5\nbelow = 1', "promql is 5. Expected a text."),
    "no limit": (GOOD, "has to hold one of: below = a number, no_rising_trend = true."),
    "both": (GOOD + "below = 1\nno_rising_trend = true", "has to hold one of"),
    "not flat": (GOOD + "no_rising_trend = false", "has to hold one of"),
    "truth for a limit": (GOOD + "below = true", "has to hold one of"),
    "text for a limit": (GOOD + 'below = "1"', "has to hold one of"),
    "infinity": (GOOD + "below = inf", "has to hold one of"),
    "not a number": (GOOD + "below = nan", "has to hold one of"),
    "a huge number": (GOOD + f"below = 1{'0' * 400}", "has to hold one of"),
    "an unknown key": (
        GOOD + "below = 1\nabove = 2",
        "above is no key. Expected name, promql, below, no_rising_trend.",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake(case):
    """Each mistake is one sentence that names the file, the table and the key."""
    text, sentence = MISTAKES[case]
    with pytest.raises(Refused) as refused:
        parsed("[[query]]\n" + text)
    (problem,) = refused.value.problems
    assert problem.startswith("--objectives 'file.toml': [[query]] 1")
    assert sentence in problem


@pytest.mark.parametrize("text", ["query = 5", "query = 'x'", "[query]\nname = 'a'"])
def test_no_list(text):
    """Anything but [[query]] is refused."""
    with pytest.raises(Refused, match=r"query is no list of tables. Expected \[\[query\]\]."):
        parsed(text)


def test_all_mistakes_at_once():
    """Mistakes of several tables are all told, each with the number of its table."""
    with pytest.raises(Refused) as refused:
        parsed(f"[[query]]\nname = 1\n[[query]]\n{GOOD}below = 1\n[[query]]\n{GOOD}")
    assert [problem.split(" ")[3] for problem in refused.value.problems] == ["1", "1", "1", "3"]


TOML = st.recursive(
    st.integers() | st.floats() | st.booleans() | st.text(max_size=5) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["name", "promql", "below", "no_rising_trend", "else"])
TABLES = st.dictionaries(KEYS, TOML | st.just(True) | st.just(10**5000), max_size=5)


@given(st.fixed_dictionaries({"query": TOML | st.lists(TABLES | TOML, max_size=3)}))
def test_any_document(document):
    """Whatever TOML can hold is read or refused in sentences."""
    problems: tuple[str, ...] = ()
    queries: list[Query] = []
    try:
        _, queries = parse(document, "file.toml")
    except Refused as refused:
        problems = refused.problems
    assert all(problem.endswith(".") for problem in problems)
    assert all(query.name.strip() and query.promql.strip() for query in queries)


def answer(*values, result=None):
    rows = [{"metric": {}, "values": [[at, str(value)] for at, value in values]}]
    return {"status": "success", "data": {"resultType": "matrix", "result": rows if result is None else result}}


def test_an_answer():
    """The one series is read; values that are no numbers, as of a division by 0, are left out."""
    assert read_answer(answer((1, "0.5"), (2, "NaN"), (3, "+Inf"), (4, "7"))) == [(1.0, 0.5), (4.0, 7.0)]


@pytest.mark.parametrize("document", [answer(result=[]), answer(), answer((1, "NaN"))])
def test_no_data(document):
    """No series, an empty one, and one without a number are no data."""
    assert read_answer(document) is None


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"status": "error", "error": "parse error at char 3"}, "refused the query: parse error at char 3"),
        ({"status": "error"}, "no reason given"),
        ([], "no JSON object"),
        (None, "no JSON object"),
        (answer(result=[{}, {}]), "the query has 2 series. Expected one: aggregate with max() or sum()."),
        (answer(result=5), "a form that is not known"),
        (answer(result=[{"value": [1, "2"]}]), "a form that is not known"),
        (answer((1, "x")), "a form that is not known"),
        ({"status": "success"}, "a form that is not known"),
        (answer((10**400, "1")), "a form that is not known"),
    ],
)
def test_an_answer_that_is_none(document, sentence):
    """An error, several series and any other form are refused with a reason."""
    with pytest.raises(Refused) as refused:
        read_answer(document)
    assert sentence in str(refused.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=5,
)
PAIRS = st.lists(st.lists(JSON | st.just("1e308") | st.just("5"), max_size=3), max_size=20)
RESULTS = JSON | st.lists(JSON | st.fixed_dictionaries({"values": JSON | PAIRS}), max_size=2)
DOCUMENTS = JSON | st.fixed_dictionaries(
    {"status": st.just("success") | JSON, "data": JSON | st.fixed_dictionaries({"result": RESULTS})}
)


@given(DOCUMENTS, st.sampled_from([CPU, MEMORY]))
def test_any_answer(document, query):
    """Whatever JSON Prometheus answers, it is read and judged, or refused."""
    try:
        found = read_answer(json.loads(json.dumps(document)))
    except Refused:
        return
    assert judge_query(query, found).state in (State.MET, State.MISSED, State.NO_DATA)


@pytest.mark.parametrize(
    ("values", "state", "value"),
    [
        ([0.5, 0.9], State.MET, 0.7),
        ([0.7, 0.9], State.MISSED, 0.8),  # below is below
        ([0.9], State.MISSED, 0.9),
        ([], State.NO_DATA, None),
    ],
)
def test_the_average_over_the_run(values, state, value):
    """The average over the run has to be below the limit."""
    result = judge_query(CPU, series(*values))
    assert (result.state, result.requests) == (state, len(values))
    assert result.value == (None if value is None else pytest.approx(value))


@pytest.mark.parametrize(
    ("values", "state"),
    [
        (range(100, 200), State.MISSED),
        (range(200, 100, -1), State.MET),
        ([100] * 50, State.MET),
        ([0] * 50, State.MET),
        (range(20), State.MISSED),  # from nothing
        ([1000 + number / 100 for number in range(100)], State.MET),  # 0.1 % over the run
        (range(9), State.NO_DATA),  # too few for a trend
    ],
)
def test_no_rising_trend(values, state):
    """What rises is missed, what falls or stays is met, and a handful of values is no data."""
    assert judge_query(MEMORY, series(*values)).state is state


def test_a_query_in_words():
    """A verdict's reason names the query, its figure and its limit in units that people read."""
    assert str(judge_query(CPU, series(0.9))) == "CPU: average over the run is 0.9, expected below 0.8"
    risen = judge_query(MEMORY, series(*range(100, 200)))
    assert str(risen) == "memory: rise over the run is +66 %, expected below +5 %"
    assert judge_query(CPU, series(1234.5)).value_text == "1,234"


def test_the_objective_of_a_query():
    """A query is an objective like the others: not a time, not a lower bound, with a name for an endpoint."""
    for query in (CPU, MEMORY):
        assert query.objective.endpoint == Endpoint("", query.name)
        assert not query.objective.is_time
        assert query.objective.measure.bound is Bound.BELOW
