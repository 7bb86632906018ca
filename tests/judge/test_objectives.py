"""Objectives are read whole or refused with every mistake, and judged by nothing but counts."""

import tomllib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.exits import Refused
from chaterload.judge.measure import ALL, Endpoint, EndpointStats, Snapshot
from chaterload.judge.objectives import Measure, Objective, State, evaluate
from chaterload.judge.objectives_file import DEFAULT_FILE, METHODS, find, load, parse

WEIGHT, TODAY = Endpoint("POST", "/manual_weight"), Endpoint("GET", "/eater_get_today")
DOCUMENTED = {
    ("POST", "/eater_receive_photo", "p95"): 5000,
    ("POST", "/modify_food_record", "p95"): 1000,
    ("POST", "/manual_weight", "p95"): 500,
    ("GET", "/eater_get_today", "p95"): 2000,
    ("POST", "/get_recommendation", "p95"): 3000,
    ("POST", "/delete_food", "p95"): 1000,
    ("", "all requests", "failure_ratio"): 0.01,
    ("POST", "/food_health_level", "p95"): 3000.0,
}


def parsed(text):
    return parse(tomllib.loads(text), "file.toml")[0]


def problems(text):
    with pytest.raises(Refused) as refused:
        parsed(text)
    return refused.value.problems


def snapshot(*times, failures=0, seconds=10.0, endpoint=WEIGHT):
    measurement = EndpointStats(len(times), failures, Counter(times), float(sum(times)), float(max(times, default=0)))
    return Snapshot({endpoint: measurement}, seconds)


def test_the_default_file():
    """Without a file of one's own, the limits are the documented ones, and the one that README explains."""
    objectives = load(DEFAULT_FILE)[0]
    assert {(o.endpoint.method, o.endpoint.path, str(o.measure)): o.limit for o in objectives} == DOCUMENTED
    assert {o.minimum_requests for o in objectives} == {1}


def test_everything_that_a_file_may_hold():
    """All measures are read, times become ms, and the nearest minimum_requests counts."""
    objectives = parsed("""
        minimum_requests = 20
        ["POST /manual_weight"]
        p50 = 0.1
        "p99.9" = 2
        median = 0.1
        average = 0.2
        maximum = 10
        failure_ratio = 0.5
        ["all requests"]
        requests_per_second = 12.5
        minimum_requests = 3
    """)
    assert [(o.endpoint, str(o.measure), o.limit, o.minimum_requests) for o in objectives] == [
        (WEIGHT, "p50", 100, 20),
        (WEIGHT, "p99.9", 2000, 20),
        (WEIGHT, "median", 100, 20),
        (WEIGHT, "average", 200, 20),
        (WEIGHT, "maximum", 10_000, 20),
        (WEIGHT, "failure_ratio", 0.5, 20),
        (ALL, "requests_per_second", 12.5, 3),
    ]


MISTAKES = {
    "an unknown measure": ('["GET /a"]\np95th = 1', '["GET /a"] p95th is no measure. Expected p50 to p99.9'),
    "p0": ('["GET /a"]\np0 = 1', '["GET /a"] p0 is no measure.'),
    "p100": ('["GET /a"]\np100 = 1', '["GET /a"] p100 is no measure.'),
    "a dot without quotes": ('["GET /a"]\np99.9 = 1', 'p99 is a table. Expected a number; write "p99.9" in quotes'),
    "text for a limit": ('["GET /a"]\np95 = "1 s"', "p95 is '1 s'. Expected a number of seconds above 0."),
    "truth for a limit": ('["GET /a"]\np95 = true', "p95 is True. Expected a number of seconds above 0."),
    "nothing": ('["GET /a"]\np95 = 0', "p95 is 0. Expected a number of seconds above 0."),
    "not a number": ('["GET /a"]\nmedian = nan', "median is nan. Expected a number of seconds above 0."),
    "infinity": ('["GET /a"]\nmaximum = inf', "maximum is inf. Expected a number of seconds above 0."),
    "a huge number": (f'["GET /a"]\np95 = 1{"0" * 400}', "Expected a number of seconds above 0."),
    "too long for decimals": (f'["GET /a"]\np95 = 0x1{"0" * 20_000}', "p95 is something that is too long to show."),
    "a number that fills the screen": (f'["GET /a"]\np95 = 1{"0" * 400}', f"p95 is 1{'0' * 79}.... Expected"),
    "tables too deep": (
        f"minimum_requests{'.a' * 1500} = 1\n['GET /a']\np95 = 1",
        "minimum_requests is something that is too long to show.",
    ),
    "a negative rate": ('["GET /a"]\nrequests_per_second = -1', "Expected a number of requests per second above 0."),
    "a percentage": ('["GET /a"]\nfailure_ratio = 5', "failure_ratio is 5. Expected a number above 0 and up to 1."),
    "a minimum of 0": (
        'minimum_requests = 0\n["GET /a"]\np95 = 1',
        "minimum_requests is 0. Expected a whole number of requests, 1 or more.",
    ),
    "half a request": ('["GET /a"]\np95 = 1\nminimum_requests = 1.5', '["GET /a"] minimum_requests is 1.5.'),
    "an unknown method": ('["FETCH /a"]\np95 = 1', "'FETCH /a' is no table of an endpoint."),
    "a path alone": ('["/a"]\np95 = 1', "'/a' is no table of an endpoint."),
    "a path that cannot be printed": ('["GET /a\\u0000"]\np95 = 1', "is no table of an endpoint."),
    "a stray key": ("p95 = 1", "'p95' is no table of an endpoint."),
    "an empty table": ('["GET /a"]', '["GET /a"] holds no measure.'),
    "an empty file": ("", "holds no objective. Expected at least one, or --no-objectives."),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake(case):
    """Each mistake is one sentence that names the file, the key, what it holds and what is expected."""
    text, sentence = MISTAKES[case]
    (problem,) = problems(text)
    assert problem.startswith("--objectives 'file.toml': ")
    assert sentence in problem
    assert problem.endswith(".")


def test_all_mistakes_at_once():
    """Several mistakes are all told."""
    found = problems('p95 = 1\nminimum_requests = "x"\n["GET /a"]\np0 = 1\nmedian = -1\n["POST /b"]')
    assert [
        problem.removeprefix("--objectives 'file.toml': ").split(" is ")[0].split(" holds ")[0] for problem in found
    ] == [
        "minimum_requests",
        "'p95'",
        '["GET /a"] p0',
        '["GET /a"] median',
        '["POST /b"]',
    ]


FILES = {
    "no TOML": (b'["GET /a"', "is not TOML"),
    "no text": (b"\xff\xfe\x00", "is not text"),
    "too long a number": (b'["GET /a"]\np95 = 1' + b"0" * 5000, "is not TOML"),
    "too deep": (b"a = " + b"[" * 100_000, "is not TOML"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_is_no_toml(tmp_path, case):
    """Whatever the bytes of a file are, it is refused by its name."""
    content, word = FILES[case]
    path = tmp_path / "objectives.toml"
    path.write_bytes(content)
    with pytest.raises(Refused, match=word) as refused:
        load(path)
    assert str(path) in refused.value.problems[0]


def test_files_that_cannot_be_read(tmp_path):
    """A missing file and a folder are refused by their names."""
    for path, reason in ((tmp_path / "none.toml", "does not exist"), (tmp_path, "Is a directory")):
        with pytest.raises(Refused, match=reason):
            load(path)


def test_a_folder_of_objectives(tmp_path):
    """A folder is the one file in it, and ours while it is empty; several, and a file that is missing, are refused."""
    assert find(None) == find("") == find(str(tmp_path)) == DEFAULT_FILE
    (tmp_path / "mine.toml").write_text('["POST /feedback"]\np95 = 1.5\n')
    assert find(str(tmp_path)) == find(str(tmp_path / "mine.toml")) == tmp_path / "mine.toml"
    (tmp_path / "other.toml").write_text("")
    with pytest.raises(Refused) as refused:
        find(str(tmp_path))
    several = f"--objectives {str(tmp_path)!r} is a folder that holds 2 files instead of one. Expected a TOML file."
    assert refused.value.problems == (several,)
    with pytest.raises(Refused, match="does not exist"):
        load(find(str(tmp_path / "none.toml")))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "latin-1"])
def test_files_as_editors_write_them(tmp_path, encoding):
    """A byte order mark, UTF-16 and Latin-1 make no difference, nor do CRLF line ends."""
    path = tmp_path / "objectives.toml"
    path.write_bytes('# größer\r\n["POST /feedback"]\r\np95 = 1.5\r\n'.encode(encoding))
    assert load(path)[0] == [Objective(Endpoint("POST", "/feedback"), Measure.named("p95"), 1500.0)]


def test_very_many_mistakes(tmp_path):
    """Of very many mistakes in a file ten are told."""
    path = tmp_path / "objectives.toml"
    path.write_text("".join(f"x{n} = 1\n" for n in range(1000)))
    with pytest.raises(Refused) as refused:
        load(path)
    assert len(refused.value.problems) == 11
    assert refused.value.problems[-1].endswith("toml': ... and 990 more like these.")


_SCALARS = (
    st.integers() | st.integers(10**300, 10**320) | st.floats() | st.booleans() | st.text(max_size=5) | st.dates()
)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner), max_leaves=5
)
_KEYS = (
    st.sampled_from(["p95", "p50", "p99.9", "median", "average", "maximum", "failure_ratio", "requests_per_second"])
    | st.just("minimum_requests")
    | st.from_regex(r"p\d{1,3}(\.\d+)?", fullmatch=True)
    | st.text(max_size=5)
)
_NAMES = (
    st.sampled_from(["all requests", "minimum_requests"])
    | st.builds("{} {}".format, st.sampled_from(METHODS), st.text(max_size=5).map("/{}".format))
    | st.text(max_size=5)
)
DOCUMENTS = st.dictionaries(_NAMES, st.dictionaries(_KEYS, _VALUES, max_size=4) | _VALUES, max_size=4)


@given(DOCUMENTS)
def test_any_document_is_read_or_refused(document):
    """Whatever a TOML file holds, it is objectives that can be judged and shown, or sentences; never anything else."""
    refused: Sequence[str] = ()
    objectives: Sequence[Objective] = ()
    try:
        objectives, _ = parse(document, "file.toml")
    except Refused as error:
        refused = error.problems
    assert bool(refused) is not bool(objectives)
    assert all(problem.startswith("--objectives 'file.toml': ") and problem[-1] == "." for problem in refused)
    assert all(0 < o.limit < 1e12 and o.minimum_requests >= 1 for o in objectives)
    for objective in objectives:
        (result,) = evaluate(
            [objective], snapshot(*range(objective.minimum_requests % 50 + 1), endpoint=objective.endpoint)
        )
        assert str(result)


MEASURES = {"p50": 30, "p95": 50, "p99.9": 50, "median": 30, "average": 30, "maximum": 50, "failure_ratio": 0.2}
MEASURES["requests_per_second"] = 0.5


@pytest.mark.parametrize("measure", MEASURES)
def test_each_measure(measure):
    """Each measure of five requests from 10 to 50 ms in ten seconds is what one works out by hand."""
    for endpoint in (WEIGHT, ALL):
        (result,) = evaluate([Objective(endpoint, Measure.named(measure), 1)], snapshot(10, 20, 30, 40, 50, failures=1))
        assert result.value == pytest.approx(MEASURES[measure])
        assert (result.requests, result.failures) == (5, 1)


@given(
    st.sampled_from(list(MEASURES)),
    st.floats(1e-6, 1e6),
    st.lists(st.integers(0, 10_000), min_size=1, max_size=30),
    st.data(),
)
def test_met_means_below_the_limit(measure, limit, times, data):
    """An objective is met exactly when its value is below the limit, or at least the limit for a throughput."""
    failures = data.draw(st.integers(0, len(times)))
    (result,) = evaluate([Objective(WEIGHT, Measure.named(measure), limit)], snapshot(*times, failures=failures))
    met = result.value >= limit if measure == "requests_per_second" else result.value < limit
    assert result.state is (State.MET if met else State.MISSED)
    assert result.margin is not None
    assert (result.margin >= 0) is (met or result.value == limit)


@pytest.mark.parametrize(
    ("measure", "limit", "state"),
    [
        ("p95", 50, State.MISSED),
        ("p95", 50.001, State.MET),
        ("failure_ratio", 0.2, State.MISSED),
        ("requests_per_second", 0.5, State.MET),
        ("requests_per_second", 0.501, State.MISSED),
    ],
)
def test_at_the_limit(measure, limit, state):
    """ "Below" leaves the limit itself out, "at least" takes it in."""
    (result,) = evaluate([Objective(WEIGHT, Measure.named(measure), limit)], snapshot(10, 20, 30, 40, 50, failures=1))
    assert result.state is state


@pytest.mark.parametrize(
    ("requests", "minimum", "excluded_endpoints", "state"),
    [
        (0, 1, (), State.NO_DATA),
        (0, 1, (WEIGHT,), State.NOT_APPLICABLE),
        (0, 1, (TODAY,), State.NO_DATA),
        (4, 5, (), State.NO_DATA),
        (4, 5, (WEIGHT,), State.NO_DATA),
        (5, 5, (), State.MET),
        (5, 5, (WEIGHT,), State.MET),
    ],
)
def test_too_few_requests(requests, minimum, excluded_endpoints, state):
    """Without enough requests there is no judgement, unless the tags left the path out; requests are judged anyway."""
    (result,) = evaluate(
        [Objective(WEIGHT, Measure.named("p95"), 100, minimum)], snapshot(*[10] * requests), excluded_endpoints
    )
    assert result.state is state
    assert (result.value is None) is (result.margin is None) is (state is not State.MET)


def test_an_endpoint_that_was_never_asked():
    """An objective on a path that is not among the statistics has no data, and makes no row there."""
    figures = snapshot(10)
    (result,) = evaluate([Objective(TODAY, Measure.named("p95"), 100)], figures)
    assert (result.state, result.requests) == (State.NO_DATA, 0)
    assert figures.endpoints.keys() == {WEIGHT}


def test_process_tests_are_judged_by_the_same():
    """Their objectives are the usual ones, with other limits."""
    lenient = tomllib.loads((Path(__file__).parents[1] / "e2e/lenient.toml").read_text())
    usual = tomllib.loads(DEFAULT_FILE.read_text())
    del usual["query"]
    assert {name: set(table) for name, table in lenient.items() if isinstance(table, dict)} == {
        name: set(table) for name, table in usual.items() if isinstance(table, dict)
    }
