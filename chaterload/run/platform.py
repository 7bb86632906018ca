"""What the platform says of itself: Prometheus over the run's time, and the server's own /metrics."""

import json
import logging
import math
import time
from datetime import datetime
from urllib.parse import urlencode

import gevent

from chaterload.chater.connection import WIRE_ERRORS, fetch
from chaterload.chater.settings import Settings
from chaterload.exits import Refused
from chaterload.judge.queries import Query, Series, read_answer
from chaterload.judge.serverside import histogram_lines
from chaterload.run.criteria import PassCriteria
from chaterload.run.lifecycle import Run

logger = logging.getLogger(__name__)

PROMETHEUS_TIMEOUT_S = 10.0
METRICS_TIMEOUT_S = 3.0

LOOKS = 5
"""More, that show the same page: of two processes that answer by chance, one remains unseen in 3 % of the cases."""
LOOKS_AT_SEVERAL = 20
"""More, that show no new page: of four processes, one remains unseen in 1 % of the cases."""
MOST_LOOKS = 100

LARGEST_PAGE = 2 << 20
"""Bytes of an answer that are read; 300 values of a query and the metrics of a Chater UI are a hundredth of that."""

MOST_POINTS = 300
"""In a series; Prometheus allows 11,000."""


def ask_platform(settings: Settings, judge: PassCriteria, run: Run) -> list[tuple[Query, Series | None]]:
    """What Prometheus says of the run; nothing where the settings name none.

    All queries are asked at once, so that a server that does not answer costs the end of a run one timeout.
    """
    url = settings.prometheus_url
    if not url:
        return []
    asked = [(query, gevent.spawn(query_range, url, query, run.start, run.end)) for query in judge.queries]
    return [(query, answer.get()) for query, answer in asked]


def ask_server(host: str, settings: Settings) -> list[str]:
    """The server's /metrics at several looks in order, equal ones that follow each other once; empty where it has none.

    Where each of its processes has its own, a look shows any of them: they differ, and are looked at until no new one
    has come for a while. Nothing of ours is sent meanwhile that could change them.
    """
    seen, last_new, deadline = list[str](), 0, time.monotonic() + METRICS_TIMEOUT_S
    for look in range(MOST_LOOKS):
        page = read_metrics(host, tls_verify=settings.tls_verify)
        if page is None:
            break
        page = histogram_lines(page)
        if page not in seen:
            last_new = look
        if seen[-1:] != [page]:
            seen.append(page)
        enough = LOOKS if len(seen) == 1 else LOOKS_AT_SEVERAL
        if look - last_new >= enough or time.monotonic() > deadline:
            break
    return seen


def query_range(url: str, query: Query, start: datetime, end: datetime) -> Series | None:
    """The query's values over the run, as (epoch seconds, value); None, said in the log, when there are none."""
    seconds = (end - start).total_seconds()
    parameters: dict[str, str | float] = {
        "query": query.promql,
        "start": start.timestamp(),
        "end": end.timestamp(),
        "step": max(1.0, math.ceil(seconds / MOST_POINTS)),
    }
    address = f"{url}/api/v1/query_range?{urlencode(parameters)}"
    try:
        answer = fetch(address, seconds=PROMETHEUS_TIMEOUT_S, kept=LARGEST_PAGE)
        return read_answer(json.loads(answer.content or b""))
    except (*WIRE_ERRORS, ValueError, RecursionError) as error:
        logger.error("%s: Prometheus did not answer the query (%s).", query.name, type(error).__name__)
    except Refused as refused:
        logger.error("%s: %s", query.name, refused)
    return None


def read_metrics(host: str, *, tls_verify: bool) -> str | None:
    """The text of the server's page, None when it has none. It is parsed later: a run should not wait for that."""
    try:
        answer = fetch(f"{host}/metrics", seconds=METRICS_TIMEOUT_S, tls_verify=tls_verify, kept=LARGEST_PAGE)
    except WIRE_ERRORS as error:
        logger.debug("No /metrics at the host (%s)", type(error).__name__)
        return None
    if answer.status_code != 200 or answer.content is None:
        return None
    return answer.content.decode(errors="replace")
