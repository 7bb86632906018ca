"""The command line is read into options, or refused in one sentence."""

import shlex

import pytest

from chaterload.standin.faults import FaultSettings
from chaterload.standin.modes import Episode
from chaterload.standin.options import Options, parse


def test_no_option_means_the_defaults():
    """An empty command line is a truthful, faultless stand-in."""
    assert parse([]) == Options()


def test_options_are_read():
    """Numbers, pairs, mixes and faults end up where they belong."""
    options = parse(
        shlex.split(
            "--port 0 --slow /feedback=5 --slow /eater_get_today=7 --latency idle --workers 2 "
            "--service-ms 10 --fault-5xx 0.1 --fail /feedback=0.5 --late-writes 100 --silent-backend "
            "--mode redis-gone@20+5 --mode backend-dead"
        )
    )
    assert options == Options(
        port=0,
        slow={"/feedback": 5, "/eater_get_today": 7},
        latency="idle",
        workers=2,
        service_ms=10,
        faults=FaultSettings(
            fault_5xx=0.1,
            fail={"/feedback": 0.5},
            late_writes=100,
            silent_backend=True,
            modes=(Episode("redis-gone", 20, 5), Episode("backend-dead")),
        ),
    )


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("--port 70000", "--port: 70000 is not between 0 and 65535"),
        ("--port web", "--port: invalid number value: 'web'"),
        ("--workers 0", "--workers: 0 is not at least 1"),
        ("--latency-ms -5", "--latency-ms: -5 is not at least 0"),
        ("--latency-ms nan", "--latency-ms: nan is not at least 0"),
        ("--latency slow", "--latency: invalid choice: 'slow'"),
        ("--latency none --latency-ms 5", "not allowed with argument"),
        ("--mode gremlins", "--mode: 'gremlins' is no fault mode. Expected one of frozen-workers, "),
        ("--mode redis-gone@soon", "--mode: 'redis-gone@soon' is no fault mode. Expected NAME, NAME@START or"),
        ("--mode redis-gone@1.2.3", "--mode: 'redis-gone@1.2.3' has a time that is no number."),
        ("--slow feedback=5", "--slow: feedback=5 is not PATH=NUMBER"),
        ("--slow /feedback=soon", "--slow: invalid pair value"),
        ("--fail /feedback=2", "fail /feedback is a share between 0 and 1"),
        ("--fault-5xx 0.6 --fault-hang 0.6", "the fault shares add up to more than 1"),
        ("--drop-photo 1.1", "drop_photo is a share between 0 and 1"),
        ("--gremlins", "unrecognized arguments: --gremlins"),
    ],
)
def test_bad_options_are_refused(line, sentence, capsys):
    """Each bad option gives one line and exit code 2."""
    with pytest.raises(SystemExit) as ended:
        parse(line.split())
    complaint = capsys.readouterr().err
    assert ended.value.code == 2
    assert sentence in complaint
    assert complaint.count("\n") == 1
