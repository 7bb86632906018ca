"""Our command line options. Only what the master alone decides is one; the rest are settings."""

from argparse import _ArgumentGroup
from typing import Any

from locust.argument_parser import LocustArgumentParser

from chaterload.load.strategies import NAMES

TITLE = "Chater load test"

_FLAG: dict[str, Any] = {"action": "store_true"}

EXAMPLE = f"""{TITLE}, against a stand-in and against your own:

    locust -f locustfile.py --headless --stand-in -u 20 -r 5 -t 1m

    locust -f locustfile.py --headless -H http://localhost:5000 --strategy load
"""


def add_options(parser: LocustArgumentParser) -> None:
    """Add them, in groups of their own, and an example to the end of the help.

    Locust answers --help before it loads any locustfile, so that one of ours shows all.
    """
    _add_target(parser.add_argument_group(f"{TITLE}: target"))
    _add_load_shape(parser.add_argument_group(f"{TITLE}: load shape"))
    _add_verdict(parser.add_argument_group(f"{TITLE}: objectives and verdict"))
    _add_terminal(parser.add_argument_group(f"{TITLE}: terminal"))
    parser.epilog = f"{parser.epilog}\n\n{EXAMPLE}"


def _add_target(group: _ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--stand-in", **_FLAG, env_var="TEST_STAND_IN", help="run against a stand-in for Chater UI, started for the run"
    )
    add(
        "--stand-in-options",
        metavar="OPTIONS",
        default="",
        env_var="TEST_STAND_IN_OPTIONS",
        help="the stand-in's options, such as '--latency documented' (python -m chaterload.standin --help)",
    )
    add(
        "--allow-host",
        action="append",
        metavar="NAME",
        help="a host outside the cluster that may be loaded; also TEST_ALLOW_HOST, with commas between",
    )


def _add_load_shape(group: _ArgumentGroup) -> None:
    add = group.add_argument
    names = ", ".join(NAMES)
    add("--strategy", metavar="NAME", env_var="TEST_STRATEGY", help=f"a named load shape: {names}")
    add(
        "--strategy-scale",
        metavar="FACTOR",
        type=float,
        default=1.0,
        env_var="TEST_STRATEGY_SCALE",
        help="multiply its times, such as 0.1 for a rehearsal",
    )
    add(
        "--strategy-users",
        metavar="PEAK",
        type=int,
        env_var="TEST_STRATEGY_USERS",
        help="its users at the peak, the other stages in proportion",
    )


def _add_verdict(group: _ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--objectives",
        metavar="FILE",
        env_var="TEST_OBJECTIVES",
        help="TOML file of what fast enough means, instead of ours",
    )
    add("--no-objectives", **_FLAG, env_var="TEST_NO_OBJECTIVES", help="no verdict: plain Locust")
    add(
        "--abort-on-critical",
        **_FLAG,
        env_var="TEST_ABORT_ON_CRITICAL",
        help="stop early when more than 5 %% of the requests keep failing",
    )
    add(
        "--abort-after",
        metavar="SECONDS",
        type=float,
        default=30.0,
        env_var="TEST_ABORT_AFTER",
        help="for how long they have to (default 30)",
    )
    for name, what in (("html", "a page"), ("junit", "JUnit XML"), ("json", "JSON")):
        env_var = f"TEST_VERDICT_{name.upper()}"
        add(f"--verdict-{name}", metavar="FILE", env_var=env_var, help=f"write the verdict as {what}")
    add(
        "--results",
        metavar="DIR",
        env_var="TEST_RESULTS",
        help="keep all files of a run in a folder of its own, which DIR gets; its name is the time of the start",
    )
    add(
        "--verdict-message",
        metavar="FILE",
        env_var="TEST_VERDICT_MESSAGE",
        help="write the verdict and its reasons into this file in place, in up to 4096 bytes: a pod's termination log",
    )
    add(
        "--baseline",
        metavar="FILE",
        env_var="TEST_BASELINE",
        help="an earlier --verdict-json, or a folder of --results, to compare with",
    )
    add(
        "--baseline-tolerance",
        metavar="SHARE",
        type=float,
        default=0.1,
        env_var="TEST_BASELINE_TOLERANCE",
        help="how much worse than the baseline is still fine (default 0.1)",
    )


def _add_terminal(group: _ArgumentGroup) -> None:
    add = group.add_argument
    add("--plain", **_FLAG, env_var="TEST_PLAIN", help="Locust's periodic tables instead of the live view")
    add("--help-all", action="help", help="show Locust's options and these (--help knows Locust's alone)")
