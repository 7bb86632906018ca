"""`--baseline last-good`: which earlier run a run is compared with where nobody names one."""

import logging
from argparse import Namespace
from pathlib import Path

from chaterload.exits import Refused
from chaterload.judge.baseline import load_baseline
from chaterload.judge.comparison import Window
from chaterload.load.rates import parse_rate
from chaterload.report.archive import PastRun, kind_of, last_good, read_runs

logger = logging.getLogger(__name__)

LAST_GOOD = "last-good"

SAME_RATE = 0.05
"""The mean of a run's rate may differ so much from what was asked for, as a share."""


def last_good_window(options: Namespace, host: str) -> Window | None:
    """Its requests, to compare with. Refused as below."""
    found = last_good_run(options, host)
    return load_baseline(found) if found else None


def last_good_run(options: Namespace, host: str) -> Path | None:
    """The folder of the newest run that passed and was like the one of these options; None while there is none.

    Refused where the options do not tell where runs are kept, or what the run will be.
    """
    if not options.results:
        raise Refused(f"--baseline {LAST_GOOD} is given without --results. Expected the DIR that holds earlier runs.")
    if not options.headless:
        raise Refused(f"--baseline {LAST_GOOD} is given without --headless. Expected both: a form can choose any run.")
    kind = kind_of(options.strategy, host, options.tags or (), options.exclude_tags or (), options.stand_in)
    runs, _ = read_runs(Path(options.results))
    if not options.strategy:  # what the strategy says of a run, its users or its rate do
        runs = [run for run in runs if _has_same_load(run, options)]
    found = last_good(runs, kind)
    if found is None:
        logger.warning("--baseline %s: no earlier run of this kind passed (%s).", LAST_GOOD, kind)
        return None
    logger.info("The baseline is %s", found.file.parent)
    return found.file.parent


def _has_same_load(run: PastRun, options: Namespace) -> bool:
    if not options.rate:
        return run.asked_rps is None and run.users == (options.num_users or 1)
    rate = parse_rate(options.rate)
    return run.asked_rps is not None and abs(run.asked_rps - rate) <= SAME_RATE * rate
