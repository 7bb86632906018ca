"""The stand-in's own pages, and /metrics. None of them is delayed or counted."""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, request
from prometheus_client import CONTENT_TYPE_LATEST

from chaterload.standin.service import OWN_PAGES, Service
from chaterload.standin.wire import json_answer, text

_HOME = """<!doctype html><html lang="en"><title>Stand-in for Chater UI</title>
<h1>Stand-in for Chater UI</h1>
<p>It keeps Chater UI's wire contract with records in memory. Its own pages:</p>
<ul>
<li><a href="/_standin/records">records</a>: what each account has and sent; <code>?email=</code> for one</li>
<li><a href="/_standin/counters">counters</a>: requests, writes dropped on purpose, faults</li>
<li><a href="/_standin/delays">delays</a>: the latest delays in ms; <code>?path=</code> for one path</li>
<li><a href="/_standin/faults">faults</a>: as they are set; POST JSON to change some, such as
<code>{"modes": ["redis-gone@0+5"]}</code>, whose start is counted from the POST</li>
<li><a href="/metrics">metrics</a>: Prometheus text</li>
</ul>
<p>POST /_standin/seed takes {"email", "dishes": [{"time", "calories"}], "alcohol": [{"time"}]}.</p>
"""


def admin_pages(service: Service) -> Blueprint:
    """The pages about `service`."""
    pages = Blueprint("standin", __name__)
    pages.before_request(_refuse_other_sites)

    @pages.get(OWN_PAGES)
    def home() -> Response:
        return text(_HOME)

    @pages.get("/metrics")
    def metrics() -> Response:
        of_one_worker = service.faults.on("per-worker-metrics") is not None
        return Response(service.counters.metrics(of_one_worker=of_one_worker), content_type=CONTENT_TYPE_LATEST)

    @pages.get("/_standin/records")
    def records() -> Response:
        accounts, only = service.records.accounts, request.args.get("email")
        return json_answer({e: account.summary() for e, account in accounts.items() if only in (None, e)})

    @pages.get("/_standin/counters")
    def counters() -> Response:
        return json_answer(_counters(service))

    @pages.get("/_standin/delays")
    def delays() -> Response:
        only = request.args.get("path")
        return json_answer([ms for path, ms in service.delays.used if only in (None, path)])

    @pages.get("/_standin/faults")
    def faults() -> Response:
        return json_answer(service.faults.settings.shown())

    @pages.post("/_standin/faults")
    def change_faults() -> Response:
        return _change_faults(service, _told())

    @pages.post("/_standin/seed")
    def seed() -> Response:
        return _seed(service, _told())

    return pages


def _change_faults(service: Service, told: Any) -> Response:
    if not isinstance(told, dict):
        return json_answer({"error": "not a JSON object of faults"}, 400)
    try:
        service.faults.change(told)
    except ValueError as error:
        return json_answer({"error": str(error)}, 400)
    return json_answer(service.faults.settings.shown())


def _seed(service: Service, told: Any) -> Response:
    try:
        account = service.records.accounts[told["email"]]
        account.seed(told.get("dishes", ()), told.get("alcohol", ()))
    except (KeyError, TypeError, AttributeError) as error:
        return json_answer({"error": f"not {{email, dishes, alcohol}}: {error}"}, 400)
    return json_answer(account.summary())


def _refuse_other_sites() -> Response | None:
    if request.method == "POST" and not _is_our_own(request.headers.get("Origin"), request.host):
        return json_answer({"error": "a page of another site may not change anything here"}, 403)
    return None


def _is_our_own(origin: str | None, host: str) -> bool:
    """Whether a request comes from no web page at all, or from one of this server at an address of its own.

    A name other than localhost may be a foreign site's that was made to resolve to us.
    """
    if origin is None:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.netloc == host and (parts.hostname == "localhost" or _is_address(parts.hostname or ""))


def _is_address(hostname: str) -> bool:
    try:
        ip_address(hostname)
    except ValueError:
        return False
    return True


def _told() -> Any:
    """The JSON that was posted; None where it is none."""
    try:
        return json.loads(request.get_data())
    except (ValueError, RecursionError):
        return None


def _counters(service: Service) -> dict[str, Any]:
    return {
        "endpoints": service.counters.summary(),
        "dropped": {kind: list(lost) for kind, lost in service.writes.dropped.items()},
        "faults": service.faults.counts,
        "in_flight": service.counters.in_flight,
    }
