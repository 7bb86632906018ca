"""One cheap request, before any load and outside the statistics: do host and token work?"""

import logging

import gevent

from chaterload.chater.accounts import Account
from chaterload.chater.answers import judge, judge_connection
from chaterload.chater.connection import WIRE_ERRORS, fetch
from chaterload.chater.kinds import FailureKind, Trait
from chaterload.chater.routes import ALCOHOL_LATEST

logger = logging.getLogger(__name__)

TIMEOUT_S = 10.0
ATTEMPTS = 3

_FAILED = {
    FailureKind.TIMED_OUT: f"gave no answer within {TIMEOUT_S:.0f} s",
    FailureKind.CONNECTION_BROKEN: "broke the connection off, or what came is no HTTP",
}
"""What may pass, in words."""


def preflight(host: str, account: Account | None, *, tls_verify: bool) -> str | None:
    """Ask `host` for today's drinks. Why no load may start, as a sentence, or None.

    Without an account only the connection is tried. A timeout or a broken connection is tried again, twice, and each
    try is logged.
    """
    kind = None
    for attempt in range(1, ATTEMPTS + 1):
        kind = _ask(host, account, tls_verify)
        if kind not in _FAILED:
            break
        logger.warning("Try %d of %d: %s %s.", attempt, ATTEMPTS, host, _FAILED[kind])
        gevent.sleep(0.2)
    if kind is None or (account is None and kind is FailureKind.TOKEN_MISSING):
        return None
    if Trait.HOPELESS not in kind.traits:
        logger.warning("The first request to %s failed: %s. The load starts all the same.", host, kind.title)
        return None
    if kind in _FAILED:
        return f"{host} does not work: it {_FAILED[kind]}, {ATTEMPTS} times. What to do: {kind.action}."
    return f"{host} does not work: {kind.title}. Usually {kind.meaning}. What to do: {kind.action}."


def _ask(host: str, account: Account | None, tls_verify: bool) -> FailureKind | None:
    fields = account.fields(None) if account else b""
    try:
        answer = fetch(f"{host}{ALCOHOL_LATEST.path}", seconds=TIMEOUT_S, fields=fields, tls_verify=tls_verify)
    except WIRE_ERRORS as error:
        return judge_connection(error)
    result = judge(answer.status_code, answer.content_type, answer.content, ALCOHOL_LATEST.expected)
    return result if isinstance(result, FailureKind) else None
