"""What the command line asks for, read once: our options, and those of Locust's that stay as they were given."""

import os
import stat
from argparse import Namespace
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from chaterload.load.strategies import CAPACITY, NAMES, STRATEGIES, USERS
from chaterload.report.formats import FORMATS

_JUDGING = (*(known.destination for known in FORMATS), "baseline", "objectives")
"""What --no-objectives leaves without a use."""

_OF_USERS = {"num_users": "--users", "spawn_rate": "--spawn-rate"}
_PLAIN = {**_OF_USERS, "run_time": "--run-time", "rate": "--rate"}
"""The options of a plain run."""


@dataclass(frozen=True)
class RunOptions:
    """Named as the parser names them. What the web UI's form changes, such as the run's time, stays with Locust."""

    objectives: str | None = None
    no_objectives: bool = False
    abort_on_critical: float | None = None
    """Seconds."""
    results: str | None = None
    baseline: str | None = None
    baseline_tolerance: float = 0.1
    stand_in: bool = False
    stand_in_options: str = ""
    allow_host: tuple[str, ...] = ()
    strategy: str | None = None
    strategy_scale: float = 1.0
    strategy_users: int | None = None
    plain: bool = False
    files: Mapping[str, str] = field(default_factory=dict)
    """The paths of the reports that were asked for, by their formats' destinations."""
    of_a_plain_run: tuple[str, ...] = ()
    """Those of --users, --spawn-rate, --run-time and --rate that were given."""
    by: str = USERS
    rate_users: int = 1

    headless: bool = False
    autostart: bool = False
    only_summary: bool = False
    json: bool = False
    html_file: str | None = None
    host: str | None = None
    processes: int | None = None
    master_port: int = 5557
    master_bind_port: int = 5557
    expect_workers: int = 1
    expect_workers_max_wait: int = 0
    """Seconds; 0 is without a limit."""
    enable_rebalancing: bool = False
    class_picker: bool = False
    reset_stats: bool = False
    otel: bool = False

    @classmethod
    def read(cls, parsed: Namespace) -> Self:
        """From what Locust's parser made."""
        given: dict[str, Any] = {
            row.name: getattr(parsed, row.name) for row in fields(cls) if hasattr(parsed, row.name)
        }
        paths = {known.destination: getattr(parsed, known.destination, None) for known in FORMATS}
        given["files"] = {name: path for name, path in paths.items() if path}
        given["allow_host"] = tuple(getattr(parsed, "allow_host", None) or ())
        given["of_a_plain_run"] = tuple(
            option for name, option in _PLAIN.items() if getattr(parsed, name, None) not in (None, "")
        )
        return cls(**given)

    @property
    def starts_by_itself(self) -> bool:
        return self.headless or self.autostart


def refusals(options: RunOptions, *, is_worker: bool = False) -> list[str]:
    """Everything that is wrong with the options, a sentence each; a worker's master says most of what it does."""
    of_all = [*_of_verdict(options), *_of_processes(options)]
    if is_worker:
        return of_all
    return [*of_all, *_of_files(options), *_of_strategy(options), *_of_rate(options), *_of_stand_in(options)]


def _of_verdict(options: RunOptions) -> list[str]:
    problems = []
    without_use = [name for name in _JUDGING if options.files.get(name) or getattr(options, name, None)]
    if options.no_objectives and without_use:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in without_use)
        problems.append(f"--no-objectives is given together with {names}. Expected one or the other.")
    if not options.baseline_tolerance >= 0:  # nan is not
        problems.append(f"--baseline-tolerance is {options.baseline_tolerance}. Expected a share, 0 or more.")
    if options.reset_stats and not options.no_objectives:
        problems.append(
            "--reset-stats would empty what the verdict is made of. Expected it with --no-objectives alone."
        )
    return problems


def _of_files(options: RunOptions) -> list[str]:
    """That two reports name one file: the last to be written would be all of it."""
    problems = []
    first: dict[str, str] = {}
    given = {known.option: options.files.get(known.destination) for known in FORMATS} | {"--html": options.html_file}
    for option, name in given.items():
        if name and not _takes_several(name):
            other = first.setdefault(os.path.realpath(name), option)
            if other != option:
                problems.append(f"{other} and {option} both name the file {name!r}. Expected a file for each.")
    return problems


def _takes_several(name: str) -> bool:
    """Whether one report does not replace another there, as in a pipe or a device."""
    with suppress(OSError):
        return not stat.S_ISREG(Path(name).stat().st_mode)
    return False


def _of_processes(options: RunOptions) -> list[str]:
    problems = []
    if options.otel and options.processes:
        problems.append(
            "--otel is given together with --processes, whose workers would report as one. Expected --worker."
        )
    if options.processes and options.master_bind_port != options.master_port:
        problems.append(
            f"--processes is given with --master-bind-port {options.master_bind_port} and --master-port "
            f"{options.master_port}, so that no process would find the master. Expected the same port in both."
        )
    return problems


def _of_strategy(options: RunOptions) -> list[str]:
    problems, name = [], options.strategy
    if not 0 < options.strategy_scale < float("inf"):
        problems.append(f"--strategy-scale is {options.strategy_scale}. Expected a number above 0.")
    if options.strategy_users is not None and options.strategy_users < 1:
        problems.append(f"--strategy-users is {options.strategy_users}. Expected a whole number, 1 or more.")
    if name and name not in NAMES:
        problems.append(f"--strategy {name!r} is unknown. Expected one of: {', '.join(NAMES)}.")
    elif name and options.of_a_plain_run:
        problems.append(
            f"--strategy {name} is given together with {', '.join(options.of_a_plain_run)}. Expected one or the other; "
            "--strategy-users and --strategy-scale shrink a strategy."
        )
    elif name == CAPACITY and options.no_objectives:
        problems.append(f"--strategy {name} needs objectives. Expected it without --no-objectives.")
    elif name in STRATEGIES and STRATEGIES[name].by_rate and options.strategy_users is not None:
        problems.append(f"--strategy-users is given with --strategy {name}, which goes by requests per second.")
    return problems


def _of_rate(options: RunOptions) -> list[str]:
    problems = []
    if options.rate_users < 1:
        problems.append(f"--rate-users is {options.rate_users}. Expected a whole number, 1 or more.")
    of_users = [option for option in options.of_a_plain_run if option in _OF_USERS.values()]
    if "--rate" in options.of_a_plain_run and of_users and not options.strategy:
        problems.append(
            f"--rate is given together with {', '.join(of_users)}. Expected one or the other: by rate, a pool has the "
            "users."
        )
    return problems


def _of_stand_in(options: RunOptions) -> list[str]:
    if options.stand_in_options and not options.stand_in:
        return [f"--stand-in-options {options.stand_in_options!r} is given without --stand-in. Expected both."]
    if options.stand_in and options.host:
        return [f"--stand-in and --host {options.host!r} are both given. Expected one of them."]
    return []
