"""Attacks by the web UI's forms: hosts, times and user classes that nobody named, and statistics that vanish."""

import json
from argparse import ArgumentTypeError
from typing import cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chaterload.exits import Refused
from chaterload.load.shapes import NamedShape
from chaterload.run.lifecycle import Phase, Prepared, Run
from chaterload.run.options import LONGEST_S, duration
from chaterload.run.strategy import asked_rate
from chaterload.web.form_guard import Hosts
from tests.web.conftest import HOST, OWN, ChaterUser, Make, Site

PRIVATE = [
    "http://127.0.0.1:6666",
    "http://localhost:5000",
    "http://10.0.0.1",
    "http://169.254.169.254",
    "http://[::1]:5000",
    "http://chater-ui:5000",
    "http://other.svc.cluster.local",
    "https://127.0.0.1:5000",
    "http://127.0.0.1:5000/path",
    "http://127.0.0.1:5000?x",
    "http://127.0.0.1:5000@evil.example",
    "http://127.0.0.1:50000",
    "http://<127.0.0.1:5000>",
    "http://staging.example.com.evil.example",
    "http://staging.example.com@evil.example",
    "http://evil.example\\@staging.example.com",
    "ftp://staging.example.com",
    "staging.example.com",
    "",
]


def swarm(site: Site, **form: str) -> dict:
    form = {"user_count": "1", "spawn_rate": "1"} | form
    answer: dict = site.client().post("/swarm", data=form, headers=OWN).get_json()
    return answer


@pytest.mark.parametrize("host", PRIVATE)
def test_a_host_that_nobody_named(make: Make, host: str) -> None:
    """The form loads no host but those that the process was started for, be it as private as it may."""
    site = make(allowed=("staging.example.com",))
    answer = swarm(site, host=host)
    assert not answer["success"]
    assert f"Expected a host that Locust was started for: {HOST} or " in answer["message"]
    assert site.nothing_happened()
    assert site.environment.host == HOST


@pytest.mark.parametrize(
    ("typed", "host", "variables"),
    [
        (HOST, HOST, {}),
        (HOST + "/", HOST, {}),
        (f" {HOST.upper()}//\n", HOST, {}),
        (HOST + "?", HOST, {}),
        ("http://eater:1", "http://eater:1", {"EATER_TARGET_HOST": "http://eater:1"}),
        ("http://target:1", "http://target:1", {"TARGET_HOST": "http://Target:1/"}),
        ("https://staging.example.com:8443", "https://staging.example.com:8443", {}),
        ("http://Staging.Example.com.", "http://staging.example.com.", {}),
    ],
)
def test_a_host_that_was_named(
    make: Make, monkeypatch: pytest.MonkeyPatch, typed: str, host: str, variables: dict[str, str]
) -> None:
    """The form chooses among --host, its variables and --allow-host, and Locust gets it in the one way to write it."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    site = make(allowed=("staging.example.com",))
    assert swarm(site, host=typed)["success"]
    assert site.node.checked == [(1, host)]
    assert site.environment.host == host


def test_with_a_stand_in(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run against the stand-in loads the stand-in alone, whatever the variables say."""
    monkeypatch.setenv("TARGET_HOST", "http://target:1")
    site = make(stand_in=True)
    assert not swarm(site, host="http://target:1")["success"]
    assert not swarm(site, host="")["success"]
    assert swarm(site, host=HOST)["success"]


def test_an_empty_host(make: Make) -> None:
    """Where the process has no host of its own, an empty one is that of each worker; else it would be another one."""
    site = make(target=None)
    assert swarm(site, host="")["success"]
    assert site.node.checked == [(1, None)]
    assert not swarm(make(), host="")["success"]


@given(st.text() | st.text(alphabet="htp:/@\\.[]#?%127.0localhst<>\x00 \t").map("http://".__add__))
@example("http://a.b:80\n")
@example("http://a.b:0x50")
@example("http://x@a.b")
def test_only_named_hosts_pass(url: str) -> None:
    """Whatever is typed: what passes is a configured URL, or http or https to a name that was allowed."""
    try:
        chosen = Hosts("http://127.0.0.1:5000", (), ("a.b",)).choose(url)
    except Refused:
        return
    assert chosen == "http://127.0.0.1:5000" or chosen.startswith(("http://a.b", "https://a.b"))


def test_a_host_during_a_run(make: Make) -> None:
    """The host cannot change during a run, to another one that was named either."""
    site = make(allowed=("staging.example.com",))
    assert swarm(site)["success"]
    site.control.phase = Phase.RUNNING
    assert "cannot change during a run" in swarm(site, host="http://staging.example.com")["message"]
    assert swarm(site, host=HOST, user_count="5")["success"]
    assert site.environment.host == HOST


class Lunch(NamedShape):
    """A strategy of no matter which."""

    def tick(self) -> None:
        return None


@pytest.mark.parametrize("name", ["lunch", "lunch: 5 users, 60 s"])
def test_a_strategys_name_is_enough(make: Make, name: str) -> None:
    """A script that names a strategy as the command line does starts the one that the picker tells more of."""
    site = make(class_picker=True)
    site.web_ui.userclass_picker_is_active = True
    lunch = Lunch()
    lunch.name = "lunch"
    site.environment.available_shape_classes = {"lunch: 5 users, 60 s": lunch}
    assert "shape_class is unknown" in swarm(site, shape_class="lunch: 6 users")["message"]
    assert swarm(site, shape_class=name)["success"]
    assert site.environment.shape_class is lunch


def test_a_strategy_during_a_run(make: Make) -> None:
    """Neither can a strategy begin during a run, nor its users be changed; the run stays what it was."""
    site = make(class_picker=True)
    site.environment.available_shape_classes = {"lunch": Lunch()}
    assert swarm(site)["success"]
    going_on(site)
    assert "A strategy can neither begin nor change" in swarm(site, shape_class="lunch")["message"]
    assert swarm(site, user_count="5")["success"]
    assert site.control.run
    site.control.run.shape = Lunch()
    assert "A strategy can neither begin nor change" in swarm(site, user_count="7")["message"]
    assert site.environment.shape_class is None
    assert site.environment.parsed_options.num_users == 5


@pytest.mark.parametrize(
    "run_time", ["99999999999999h", "9" * 300 + "h", "9" * 300, "9999h9999999m", f"{LONGEST_S + 1}"]
)
def test_a_time_that_no_timer_holds(make: Make, run_time: str) -> None:
    """A run time beyond a year is refused in a sentence."""
    site = make()
    answer = swarm(site, run_time=run_time)
    assert not answer["success"]
    assert "would take for ever" in answer["message"]
    assert site.nothing_happened()


@pytest.mark.parametrize("text", ["99999999999999h", "9" * 300, "1h1", "", "-1", "1d", f"{LONGEST_S + 1}"])
def test_such_a_time_on_the_command_line(text: str) -> None:
    """The command line's times are refused by the parser, whose error is a sentence."""
    with pytest.raises(ArgumentTypeError, match=r"Invalid time span format|is too long"):
        duration(text)


def test_a_time_as_it_should_be() -> None:
    """Times are read as Locust reads them."""
    assert [duration(text) for text in ("90", "1h30m", f"{LONGEST_S}s")] == [90, 5400, LONGEST_S]


HOSTILE_JSON = {
    "deep lists": b"[" * 30_000,
    "deep objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "a deep value": b'{"user_class_name": "ChaterUser", "tasks": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "no task": b'{"user_class_name": "ChaterUser", "tasks": []}',
    "tasks that are a name": b'{"user_class_name": "ChaterUser", "tasks": "idle"}',
    "an unknown task": b'{"user_class_name": "ChaterUser", "tasks": ["idle", "__init__"]}',
    "a task that is an object": b'{"user_class_name": "ChaterUser", "tasks": [{}]}',
    "a number of many digits": b'{"user_class_name": "ChaterUser", "weight": ' + b"9" * 10_000 + b"}",
    "a name that is a list": b'{"user_class_name": ["ChaterUser"]}',
    "a name that is an object": b'{"user_class_name": {}}',
    "NaN": b'{"user_class_name": "ChaterUser", "weight": NaN}',
    "UTF-16": json.dumps({"user_class_name": "ChaterUser", "host": "http://evil.example"}).encode("utf-16"),
    "no JSON": b"\xff\x00",
    "nothing": b"",
}


@pytest.mark.parametrize("body", HOSTILE_JSON.values(), ids=HOSTILE_JSON)
def test_hostile_json(make: Make, body: bytes) -> None:
    """What the class picker's dialogue is sent is refused in a sentence, however it is built."""
    site = make()
    answer = site.client().post("/user", data=body, headers=OWN)
    assert answer.status_code == 200
    assert not answer.get_json()["success"]
    assert answer.get_json()["message"].startswith(
        ("A user class may be changed", "Expected whole numbers", "The user's tasks are none, or unknown")
    )
    assert site.runner.user_classes[0].tasks == [ChaterUser.idle]


@pytest.mark.parametrize("moment", [Phase.RUNNING, Phase.STOPPING])
def test_statistics_stay_during_a_run(make: Make, moment: Phase) -> None:
    """Nobody empties the statistics that a verdict is to be made of; before and after a run they may go."""
    site = make()
    site.runner.stats.log_request("GET", "/eater_get_today", 10, 10)
    site.runner.stats.log_error("GET", "/eater_get_today", "refused")
    site.control.phase = moment
    answer = site.client().post("/stats/reset", headers=OWN)
    assert "cannot be reset during a run" in answer.get_json()["message"]
    assert site.runner.stats.total.num_failures == 1
    site.control.phase = Phase.IDLE
    assert site.client().post("/stats/reset", headers=OWN).get_data() == b"ok"
    assert site.runner.stats.total.num_failures == 0


def going_on(site: Site) -> None:
    """The run that was checked goes on."""
    site.control.run = Run(cast(Prepared, site.control._prepared))
    site.control.phase = Phase.RUNNING


def test_a_rate(make: Make) -> None:
    """The form starts a run by rate, and changes the rate of the one that goes on."""
    site = make()
    assert swarm(site, rate="4500/m")["success"]
    going_on(site)
    assert site.control.run
    assert site.control.run.by_rate
    assert asked_rate(site.environment) == 75.0
    assert swarm(site, rate="80")["success"]
    assert site.node.rates == [80.0]


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"rate": "fast"}, "The form's rate is 'fast'. Expected requests per second"),
        ({"rate": "0"}, "The form's rate is '0'. Expected"),
        ({"rate": "<script>"}, "The form's rate is '<script>'. Expected"),
        ({"rate": "75", "user_count": "20"}, "The form asks for 20 users and for the rate '75'. Expected a rate, and"),
    ],
)
def test_what_is_no_rate(make: Make, form: dict[str, str], sentence: str) -> None:
    """A rate that is none, and one beside users, start nothing."""
    site = make()
    answer = swarm(site, **form)
    assert not answer["success"]
    assert sentence in answer["message"]
    assert site.nothing_happened()


def test_a_rate_for_a_run_by_users(make: Make) -> None:
    """A run that goes on stays what it is."""
    site = make()
    assert swarm(site, user_count="3", rate="")["success"]
    going_on(site)
    assert "cannot change from users to a rate" in swarm(site, rate="75")["message"]
    assert site.node.rates == []
