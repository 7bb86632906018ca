"""Our command line options. Only what the master alone decides is one; the rest are settings."""

import functools
import math
from argparse import ArgumentTypeError, _ArgumentGroup
from itertools import pairwise
from typing import Any

from locust.argument_parser import LocustArgumentParser

from chaterload.internals import parse_timespan, read_with, show_in_web_form
from chaterload.load.arrivals import KINDS
from chaterload.load.rates import parse_rate
from chaterload.load.strategies import NAMES, WAYS
from chaterload.report.formats import FORMATS
from chaterload.run.streams import tell

TITLE = "Chater load test"

ABORT_AFTER_S = 30.0
"""Of critical failures, where --abort-on-critical says no number."""

_FLAG: dict[str, Any] = {"action": "store_true"}

LONGEST_S = 366 * 24 * 3600
"""The longest run time: one that no timer can hold would make Locust refuse every later run."""

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
    _add_rate(parser.add_argument_group(f"{TITLE}: load by rate"))
    _add_verdict(parser.add_argument_group(f"{TITLE}: objectives and verdict"))
    _add_terminal(parser.add_argument_group(f"{TITLE}: terminal"))
    _add_web(parser.add_argument_group(f"{TITLE}: web UI"))
    read_with(parser, ("run_time", "stop_timeout"), duration)  # Locust's own has a traceback for numbers large enough
    parser.epilog = f"{parser.epilog}\n\n{EXAMPLE}"


def duration(text: str) -> int:
    """A time such as 1h30m in seconds, as Locust reads it. ArgumentTypeError when it is none, or more than a year."""
    try:
        value = parse_timespan(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
    except OverflowError:
        value = LONGEST_S + 1
    if value > LONGEST_S:
        raise ArgumentTypeError(f"{text[:40]!r} is too long. Expected at most {LONGEST_S} s")
    return value


def bind_value(arguments: list[str], option: str) -> None:
    """Write `option VALUE` as `option=VALUE`, in place: argparse takes a word that starts with - for an option."""
    for at, (name, value) in enumerate(pairwise(arguments)):
        if name == option and value.startswith("-"):
            arguments[at : at + 2] = [f"{option}={value}"]
            return


@functools.cache
def point_to_help(arguments: tuple[str, ...]) -> None:
    """Say where the options are shown, once, to somebody whose command line has none but the locustfile's."""
    words = iter(arguments)
    for word in words:
        if word in ("-f", "--locustfile"):
            next(words, None)
        elif not word.startswith(("-f", "--locustfile=")):
            return
    tell("The command line has no options: `locust -f locustfile.py --help-all` shows what there are.")


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


def _add_rate(group: _ArgumentGroup) -> None:
    add = group.add_argument
    action = add(
        "--rate",
        metavar="RATE",
        type=rate_text,
        env_var="TEST_RATE",
        help="requests per second that arrive whatever the answers take, such as 75 or 4500/m; instead of --users",
    )
    show_in_web_form(action)
    add(
        "--arrivals",
        choices=KINDS,
        default=KINDS[0],
        env_var="TEST_ARRIVALS",
        help="how tasks arrive: by chance, as people do, or all the same time apart",
    )
    add(
        "--arrivals-seed", metavar="NUMBER", type=int, env_var="TEST_ARRIVALS_SEED", help="make the same arrivals again"
    )
    add(
        "--rate-users",
        metavar="MOST",
        type=int,
        default=5_000,
        env_var="TEST_RATE_USERS",
        help="how many users of a process may be busy at once in a run by rate",
    )
    add(
        "--by",
        choices=WAYS,
        default=WAYS[0],
        env_var="TEST_BY",
        help="what --strategy capacity raises: users, or the rate of arrivals",
    )


def rate_text(text: str) -> str:
    """A rate as it was written; "" where none is. ArgumentTypeError when it is none."""
    try:
        if text.strip():
            parse_rate(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
    return text.strip()


def _add_verdict(group: _ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--objectives",
        metavar="FILE",
        env_var="TEST_OBJECTIVES",
        help="TOML file of what fast enough means, instead of ours; a folder stands for the one file in it, or for "
        "ours when it is empty",
    )
    add(
        "--no-objectives",
        **_FLAG,
        env_var="TEST_NO_OBJECTIVES",
        help="no verdict: the figures alone, and Locust's own exit codes",
    )
    add(
        "--abort-on-critical",
        metavar="SECONDS",
        nargs="?",
        const=ABORT_AFTER_S,
        type=_seconds,
        env_var="TEST_ABORT_ON_CRITICAL",
        help="stop early when more than 5 %% of the requests have failed for so many seconds "
        f"({ABORT_AFTER_S:g} where it has no number)",
    )
    for known in FORMATS:
        add(known.option, metavar="FILE", env_var=known.variable, help=f"write the verdict as {known.what}")
    add(
        "--results",
        metavar="DIR",
        env_var="TEST_RESULTS",
        help="keep all files of each run in a new folder in DIR, whose name is the time of the start",
    )
    add(
        "--build",
        metavar="LABEL",
        env_var="TEST_BUILD",
        help="what is tested, such as a version or a commit; every report names it",
    )
    add(
        "--baseline",
        metavar="FILE",
        env_var="TEST_BASELINE",
        help="an earlier --verdict-json, or a folder of --results, to compare with; last-good is the newest passed run "
        "in the DIR of --results with the same strategy, host and tags",
    )
    add(
        "--baseline-tolerance",
        metavar="SHARE",
        type=float,
        default=0.1,
        env_var="TEST_BASELINE_TOLERANCE",
        help="how much worse than the baseline is still fine (default 0.1)",
    )


def _seconds(text: str) -> float | None:
    """More than 0; None for false. Argparse's own error otherwise."""
    if text.lower() in ("true", "false"):  # the variable of an option that takes no value holds these
        return ABORT_AFTER_S if text.lower() == "true" else None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ArgumentTypeError(f"is {text!r}. Expected seconds, more than 0.")
    return seconds


def _add_terminal(group: _ArgumentGroup) -> None:
    add = group.add_argument
    add("--plain", **_FLAG, env_var="TEST_PLAIN", help="Locust's periodic tables instead of the live view")
    add("--help-all", action="help", help="show Locust's options and these (--help knows Locust's alone)")


def _add_web(group: _ArgumentGroup) -> None:
    group.add_argument(
        "--web-known-as",
        action="append",
        metavar="NAME",
        env_var="TEST_WEB_KNOWN_AS",
        help="a name that the web UI is opened by, besides localhost and --web-host; several with commas between",
    )
