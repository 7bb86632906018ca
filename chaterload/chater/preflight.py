"""One cheap request, before any load and outside the statistics: do host and token work?"""

import logging

import gevent
from locust.contrib.fasthttp import FastHttpSession
from locust.event import EventHook

from chaterload.chater.accounts import Account
from chaterload.chater.answers import Kind
from chaterload.chater.client import judge_response, mend
from chaterload.chater.routes import ALCOHOL_LATEST

logger = logging.getLogger(__name__)

TIMEOUT_S = 10.0
ATTEMPTS = 3

# These say that no load could work. Any other failure is for the load test itself to find and to count.
_HOPELESS = {
    Kind.CONNECTION_REFUSED,
    Kind.UNKNOWN_HOST,
    Kind.TLS,
    Kind.CONNECTION_BROKEN,
    Kind.TIMED_OUT,
    Kind.TOKEN_MISSING,
    Kind.TOKEN_INVALID,
    Kind.TOKEN_EXPIRED,
    Kind.REDIRECTED,
    Kind.REQUEST_REFUSED,
}
_PASSING = {Kind.TIMED_OUT, Kind.CONNECTION_BROKEN}


def preflight(host: str, account: Account | None, *, tls_verify: bool) -> str | None:
    """Ask `host` for today's drinks. Why no load may start, as a sentence, or None.

    Without an account only the connection is tried. A timeout or a broken connection is tried again, twice.
    """
    kind = None
    for _ in range(ATTEMPTS):
        kind = _ask(host, account, tls_verify)
        if kind not in _PASSING:
            break
        gevent.sleep(0.2)
    if kind is None or (account is None and kind is Kind.TOKEN_MISSING):
        return None
    if kind not in _HOPELESS:
        logger.warning("The first request to %s failed: %s. The load starts all the same.", host, kind.title)
        return None
    return f"{host} does not work: {kind.title}. Usually {kind.meaning}. What to do: {kind.action}."


def _ask(host: str, account: Account | None, tls_verify: bool) -> Kind | None:
    session = FastHttpSession(
        host, EventHook(), None, insecure=not tls_verify, network_timeout=TIMEOUT_S, connection_timeout=TIMEOUT_S
    )
    headers = account.headers(None) if account else {}
    with gevent.Timeout(TIMEOUT_S):  # the other limits begin anew with every byte
        response = mend(session).request(
            ALCOHOL_LATEST.method, ALCOHOL_LATEST.path, headers=headers, catch_response=True, allow_redirects=False
        )
    answer = judge_response(response, ALCOHOL_LATEST.expected)
    return answer if isinstance(answer, Kind) else None
