"""The stand-in's options: what the command line may say, checked, as one frozen object."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from chaterload.exits import CommandParser
from chaterload.standin.faults import FaultSettings
from chaterload.standin.modes import Episode

LATENCIES = ("none", "idle", "documented")
# No secret: it is published here, and signs for nothing but stand-ins.
STAND_IN_SECRET = "chater-ui-stand-in-signs-with-this-well-known-text"
STAND_IN_EMAIL = "loadtest@example.com"


@dataclass(frozen=True)
class Options:
    """Everything a stand-in is started with. Times are in milliseconds unless the name says otherwise."""

    host: str = "127.0.0.1"
    port: int = 5000
    secret: str = STAND_IN_SECRET
    email: str = STAND_IN_EMAIL
    seed: int = 0
    watch_stdin: bool = False
    latency: str = "none"
    latency_ms: float = 0.0
    slow: dict[str, float] = field(default_factory=dict)
    leak: float = 0.0
    workers: int | None = None
    service_ms: float = 0.0
    degrade: float = 0.0
    daily_limit: int | None = None
    patience_scale: float = 1.0
    faults: FaultSettings = field(default_factory=FaultSettings)


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Options from the command line; a bad one ends the process with one sentence and exit code 2."""
    parser = _parser()
    given = vars(parser.parse_args(arguments))
    faults = {f.name: given.pop(f.name) for f in fields(FaultSettings) if f.name in given}
    try:
        return Options(**given, faults=FaultSettings(**{**faults, "modes": tuple(faults.get("modes", ()))}))
    except ValueError as error:
        parser.error(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="python -m chaterload.standin",
        description="A stand-in for Chater UI. It prints the exports to run against it, then serves.",
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    _add_server(parser.add_argument_group("the server"))
    _add_latency(parser.add_argument_group("how slow it is"))
    _add_faults(parser.add_argument_group("what goes wrong (a share is between 0 and 1)"))
    return parser


def _add_server(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--host", help="address to listen on (127.0.0.1)")
    add("--port", type=_number(int, 0, 65535), help="port to listen on; 0 picks a free one (5000)")
    add("--secret", help="signs and checks tokens; the default is public and meant for stand-ins alone")
    add("--email", help=f"account of the token that is printed ({STAND_IN_EMAIL})")
    add("--seed", type=int, help="seed of all noise and faults (0)")
    add("--watch-stdin", action="store_true", help="end when standard input ends, as with its parent")
    add("--daily-limit", type=_number(int, 1), metavar="N", help="photos and recommendations a day")
    add("--patience-scale", type=_amount, metavar="F", help="scales the 20 to 90 s that it may wait (1)")


def _add_latency(group: argparse._ArgumentGroup) -> None:
    one = group.add_mutually_exclusive_group()
    one.add_argument(
        "--latency",
        choices=LATENCIES,
        help="none, as an idle Chater UI, or with the medians of its documentation (none)",
    )
    one.add_argument("--latency-ms", type=_amount, metavar="MS", help="the same for every request")
    add = group.add_argument
    add(
        "--slow",
        type=_path_and(_amount),
        action=_Collect,
        metavar="PATH=MS",
        help="more for one path; repeatable",
    )
    add("--leak", type=_amount, metavar="MS", help="add so much more with every minute that passes")
    add("--workers", type=_number(int, 1), metavar="K", help="requests served at once; the others queue")
    add("--service-ms", type=_amount, metavar="MS", help="time a worker takes for each request")
    add("--degrade", type=_amount, metavar="F", help="service time grows to 1 + F * requests waiting")


def _add_faults(group: argparse._ArgumentGroup) -> None:
    for fault in fields(FaultSettings):
        name, about = "--" + fault.name.replace("_", "-"), fault.metadata["help"]
        if fault.name == "fail":
            group.add_argument(name, type=_path_and(float), action=_Collect, metavar="PATH=SHARE", help=about)
        elif fault.name == "modes":
            group.add_argument("--mode", dest="modes", type=_mode, action="append", metavar="MODE", help=about)
        elif fault.default is False:
            group.add_argument(name, action="store_true", help=about)
        else:
            metavar = "MS" if fault.name == "late_writes" else "SHARE"
            group.add_argument(name, type=float, metavar=metavar, help=about)


def _mode(text: str) -> Episode:
    try:
        return Episode.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


class _Collect(argparse.Action):
    """Gathers repeated KEY=VALUE options into one dict."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: str | None = None) -> None:
        vars(namespace).setdefault(self.dest, {}).update(values)


def _number(kind: type, least: float, most: float = math.inf) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        value = kind(text)
        if not (least <= value <= most and math.isfinite(value)):
            above = f"at least {least}" if most == math.inf else f"between {least} and {most}"
            raise argparse.ArgumentTypeError(f"{text} is not {above}")
        return value

    read.__name__ = "number"
    return read


_amount = _number(float, 0)


def _path_and(read: Callable[[str], float]) -> Callable[[str], dict[str, float]]:
    def pair(text: str) -> dict[str, float]:
        path, equals, value = text.partition("=")
        if not (path.startswith("/") and equals):
            raise argparse.ArgumentTypeError(f"{text} is not PATH=NUMBER, such as /feedback=0.5")
        return {path: read(value)}

    return pair
