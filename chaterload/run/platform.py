"""What the platform says of itself: Prometheus over the run's time, and the server's own /metrics."""

import logging
import math
import time
from datetime import datetime

import requests

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

NO_PROXY = {"http": "", "https": ""}
"""As for the load, whatever HTTP_PROXY says: a proxy's own delays and answers are not the platform's."""

MOST_POINTS = 300
"""In a series; Prometheus allows 11,000."""


def ask_platform(settings: Settings, judge: PassCriteria, run: Run) -> list[tuple[Query, Series | None]]:
    """What Prometheus says of the run; nothing where the settings name none."""
    if not settings.prometheus_url:
        return []
    return [(query, query_range(settings.prometheus_url, query, run.start, run.end)) for query in judge.queries]


def ask_server(host: str, settings: Settings) -> list[str]:
    """The server's /metrics as they are now, empty where it has none.

    Where each of its processes has its own, a look shows any of them: they differ, and are looked at until no new one
    has come for a while. Nothing is sent meanwhile that could change them.
    """
    pages, last_new, deadline = dict[str, None](), 0, time.monotonic() + METRICS_TIMEOUT_S
    for look in range(MOST_LOOKS):
        page = read_metrics(host, tls_verify=settings.tls_verify)
        if page is None:
            break
        page = histogram_lines(page)
        if page not in pages:
            pages[page], last_new = None, look
        enough = LOOKS if len(pages) == 1 else LOOKS_AT_SEVERAL
        if look - last_new >= enough or time.monotonic() > deadline:
            break
    return list(pages)


def query_range(url: str, query: Query, start: datetime, end: datetime) -> Series | None:
    """The query's values over the run, as (epoch seconds, value); None, said in the log, when there are none."""
    seconds = (end - start).total_seconds()
    parameters: dict[str, str | float] = {
        "query": query.promql,
        "start": start.timestamp(),
        "end": end.timestamp(),
        "step": max(1.0, math.ceil(seconds / MOST_POINTS)),
    }
    try:
        answer = requests.get(
            f"{url}/api/v1/query_range", params=parameters, timeout=PROMETHEUS_TIMEOUT_S, proxies=NO_PROXY
        )
        series = read_answer(answer.json())
    except (requests.RequestException, ValueError, RecursionError) as error:
        logger.error("%s: Prometheus did not answer the query (%s).", query.name, type(error).__name__)
        return None
    except Refused as refused:
        logger.error("%s: %s", query.name, refused)
        return None
    return series


def read_metrics(host: str, *, tls_verify: bool) -> str | None:
    """The text of the server's page, None when it has none. It is parsed later: a run should not wait for that."""
    try:
        answer = requests.get(
            f"{host}/metrics", timeout=METRICS_TIMEOUT_S, verify=tls_verify, allow_redirects=False, proxies=NO_PROXY
        )
    except requests.RequestException:
        logger.debug("No /metrics at the host", exc_info=True)
        return None
    return answer.text if answer.status_code == 200 else None
