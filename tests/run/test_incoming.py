"""What a master takes of its workers' messages, from whom, and what it makes of their texts."""

import copy
import csv
import io
import math
from collections.abc import Callable
from dataclasses import asdict, fields
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from locust import User
from locust.env import Environment
from locust.rpc import Message
from locust.stats import PERCENTILES_TO_REPORT, StatsCSV

from chaterload.chater.load_context import LoadContext
from chaterload.chater.samples import FailureSample
from chaterload.chater.user import EXCEPTION_OF
from chaterload.chater.writes import Writes
from chaterload.exits import as_text
from chaterload.internals import NotAdmitted
from chaterload.judge.lateness import Arrivals
from chaterload.run.figures import add_up_unanswered, add_up_writes, first_samples, in_flight
from chaterload.run.incoming import FORMS, FROM_ANYBODY, LONGEST_NAME, Incoming, NodeReport


class Somebody(User):
    """Sends nothing by itself."""


REPORT: dict[str, Any] = {
    "saturated_s": 0.0,
    "in_flight": [1, 0.5],
    "writes": Writes().to_dict(),
    "strangers": [["a@example.com", 4, [1, 2, 3]]],
    "unanswered": [["GET", "/a", [1.5, 2]]],
    "open": [["GET", "/a", [0.5]]],
    "arrivals": asdict(Arrivals(9, 2, 1, 150.5, 0, 3)),
    "without_account": 0,
    "accounts": 3,
    "cleanup": {"POST /delete_food": 3},
    "early_cleanup": 1,
    "closed": [1_700_000_000_000],
    "gaps": {"began": 9.0, "ended": 0.0, "new": [[7.5, 2.5, 3, [["GET", "/a", 7.0, 2.5]]]], "current": None},
    "samples": [asdict(FailureSample("GET", "/a", "server error", 1.7e9, 3.5, "", "alcohol, line 7", 500, "<html>"))],
    "leftovers": [["a@example.com", 1_700_000_000_000, "upload unclear"]],
}


def counted(name: str = "/a", error: str | None = None) -> dict[str, Any]:
    """What Locust's worker sends, as it comes to a master."""
    environment = Environment(user_classes=[Somebody])
    runner = environment.create_local_runner()
    for took in (7, 12.5, 1000):
        told: Any = Exception(error) if error else None
        environment.events.request.fire(
            request_type="GET", name=name, response_time=took, response_length=10, exception=told, context={}
        )
    data: dict[str, Any] = {"stats": runner.stats.serialize_stats(), "errors": runner.stats.serialize_errors()}
    data |= {"stats_total": runner.stats.total.get_stripped_report(), "user_classes_count": {"Somebody": 3}}
    runner.quit()
    return carried({**data, "user_count": 3, "chater": copy.deepcopy(REPORT)})


def carried(data: dict[str, Any]) -> dict[str, Any]:
    """`data`, as it arrives at the other end."""
    received: dict[str, Any] = Message.unserialize(Message("stats", data, "a").serialize()).data
    return received


@pytest.fixture
def unreadable() -> list[str]:
    return []


@pytest.fixture
def admit(unreadable: list[str]) -> Callable[[str, str, Any], Any]:
    """Takes messages of worker a, which answered the check, and not of others."""
    return Incoming(lambda: {"a"}, lambda worker, _: unreadable.append(worker)).admit


def test_what_a_worker_counts(admit):
    """Locust's own statistics and ours come through as they were sent, and so does what others add to them."""
    data = counted(error="no answer") | {"theirs": {"more": [1, "x"]}}
    taken = admit("a", "stats", copy.deepcopy(data))
    assert carried(taken) == data
    idle = Environment(user_classes=[Somebody]).create_local_runner()
    empty = {"stats": [], "errors": {}, "stats_total": idle.stats.total.get_stripped_report()}
    assert admit("a", "stats", {**empty, "user_classes_count": {}, "user_count": 0})["stats"] == []
    idle.quit()


def test_every_part_of_a_report_is_known():
    """What a process reports of itself is what a master takes: neither has a part that the other lacks."""
    shared: Any = object.__new__(LoadContext)
    shared.index = SimpleNamespace(strangers={})
    shared.cleanup = SimpleNamespace(requests={}, early_requests=0)
    shared.writes, shared.unanswered, shared.without_account, shared.accounts = Writes(), {}, 0, []
    shared.arrivals = SimpleNamespace(figures=dict)
    made = {"saturated_s", "in_flight", "open", "closed", "samples", "gaps", "leftovers", *shared.report()}
    assert made == NodeReport.model_fields.keys() == REPORT.keys()
    assert {field.name for field in fields(FailureSample)} == REPORT["samples"][0].keys()


@pytest.mark.parametrize("kind", ["stats", "exception", "chater_lease", "chater_dish", "chater_cleanup", "something"])
def test_strangers_do_not_count(admit, unreadable, kind):
    """Of a worker that has not answered the check nothing is counted, handed out or noted."""
    with pytest.raises(NotAdmitted):
        admit("stranger", kind, counted())
    assert unreadable == []


def test_what_anybody_may_send(admit):
    """A worker that comes may say so, beat, and answer the check."""
    for kind in FROM_ANYBODY - FORMS.keys() - {"client_ready", "locustfile"}:
        assert admit("stranger", kind, None) is None
    assert admit("stranger", "client_ready", "2.47.0") == "2.47.0"
    assert admit("stranger", "client_ready", -1) == -1
    beat = {"state": "running", "current_cpu_usage": 3.5, "current_memory_usage": 10}
    assert admit("stranger", "heartbeat", beat) == beat


PARTS: list[tuple[tuple[Any, ...], list[Any]]] = [
    (("stats", 0, "num_requests"), [-1, "3", 1.5, None, True, 2**60]),
    (("stats", 0, "num_failures"), [-1, [], {}]),
    (("stats", 0, "name"), [3, None, ["/a"], b"/a"]),
    (("stats", 0, "total_response_time"), [math.nan, math.inf, -1, "x", 1e300]),
    (("stats", 0, "response_times"), [[], {"7": 1}, {7: -1}, {7: "1"}, {-7: 1}, {math.nan: 1}]),
    (("stats", 0, "num_reqs_per_sec"), [None, {1.5: 1}, {1: 1.5}]),
    (("stats", 0), [None, 3, {}, {"name": "/a"}]),
    (("stats",), [None, {}, "x", 3]),
    (("stats_total",), [None, [], {}]),
    (("errors",), [None, [], {"key": None}, {"key": {"method": "GET"}}]),
    (("user_classes_count",), [None, {"Somebody": -1}, {"Somebody": "3"}]),
    (("user_count",), [None, -3]),
    (("chater",), [3, "x", []]),
    (("chater", "writes"), [{}, {"dishes": {}}, {"dishes": {"acknowledged": "many"}}, []]),
    (("chater", "writes", "dishes", "acknowledged"), [-1, "3", math.nan]),
    (("chater", "strangers"), [[["a"]], [[1, 2, 3]], {}]),
    (("chater", "unanswered"), [[["GET", "/a"]], [["GET", "/a", ["x"]]]]),
    (("chater", "leftovers"), [[["a", 1]], [["a", 1, "no such trace"]], [["a", "1", "there"]]]),
    (("chater", "in_flight"), [[1], [1, 2, 3], None, [-1, 0]]),
    (("chater", "saturated_s"), ["x", math.nan, None]),
    (("chater", "cleanup"), [{"POST /a": "x"}, []]),
    (("chater", "closed"), [["x"], 3, [1.5]]),
    (("chater", "more"), [3]),
]


@pytest.mark.parametrize(("where", "value"), [(where, value) for where, values in PARTS for value in values], ids=str)
def test_figures_that_cannot_be(admit: Any, unreadable: Any, caplog: Any, where: Any, value: object) -> None:
    """A wrong type, a negative or endless number, a part too few or too many: none of the message counts, and that is
    told."""
    data = counted()
    part: Any = data
    for step in where[:-1]:
        part = part[step]
    part[where[-1]] = value
    with pytest.raises(NotAdmitted):
        admit("a", "stats", data)
    assert unreadable == ["a"]
    assert len(caplog.messages) == 1


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=10,
)


@given(kind=st.sampled_from([*FORMS, "client_ready", "locustfile", "quit"]), data=anything)
def test_anything_may_come(kind: str, data: Any) -> None:
    """Whatever a message holds, it is taken or dropped."""
    try:
        Incoming(lambda: {"a"}, lambda *_: None).admit("a", kind, data)
    except NotAdmitted:
        return


@given(report=st.fixed_dictionaries({}, optional={key: st.just(value) | anything for key, value in REPORT.items()}))
def test_what_is_taken_can_be_added_up(report: dict[str, Any]) -> None:
    """A report that is taken gives figures; a wrong type never meets those who add them up."""
    incoming = Incoming(lambda: {"a"}, lambda *_: None)
    try:
        taken = incoming.admit("a", "stats", {**counted(), "chater": report})
    except NotAdmitted:
        return
    add_up_writes([taken["chater"]])
    add_up_unanswered([taken["chater"]])
    in_flight([taken["chater"]])
    first_samples([taken["chater"]])


def test_texts_are_shown_as_text(admit):
    """Names and errors of a worker hold no control characters, and a spreadsheet takes none of them for a formula."""
    taken = admit("a", "stats", counted('=HYPERLINK("http://x")\x1b[2J\r\n', "@SUM(1)\u202e"))
    (entry,), (error,) = taken["stats"], taken["errors"].values()
    assert entry["name"] == '\'=HYPERLINK("http://x")�[2J��'
    assert error["name"] == entry["name"]
    row = {"method": "+GET", "name": "-a", "error": "@SUM(1)\u202e", "occurrences": 1}
    (error,) = admit("a", "stats", {**counted(), "errors": {"key": row}})["errors"].values()
    assert error == {"method": "'+GET", "name": "'-a", "error": "'@SUM(1)�", "occurrences": 1}
    environment = Environment(user_classes=[Somebody])
    runner = environment.create_master_runner("127.0.0.1", 0)
    environment.events.worker_report.fire(client_id="a", data=taken)
    written = io.StringIO()
    StatsCSV(environment, PERCENTILES_TO_REPORT).requests_csv(csv.writer(written))
    StatsCSV(environment, PERCENTILES_TO_REPORT).failures_csv(csv.writer(written))
    cells = [cell for row in csv.reader(io.StringIO(written.getvalue())) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@", "-", "\t"))]
    runner.quit()


def test_our_own_failures_stay_what_they_are():
    """The texts by which a failure's kind is known pass unchanged."""
    for error in EXCEPTION_OF.values():
        assert as_text(repr(error), LONGEST_NAME) == repr(error)
        assert repr(error)[0].isalpha()


def test_crashes_and_logs(admit):
    """They keep their lines, and nothing else that a terminal would obey; a log is about its own worker alone."""
    crash = admit("a", "exception", {"msg": "\x1b[31mred", "traceback": "one\n  two\x07\n"})
    assert crash == {"msg": "�[31mred", "traceback": "one\n  two�\n"}
    logs = admit("a", "logs", {"worker_id": "a", "logs": ["line\x1b"] * 2000})
    assert logs == {"worker_id": "a", "logs": ["line�"] * 1000}
    with pytest.raises(NotAdmitted):
        admit("a", "logs", {"worker_id": "b", "logs": []})
