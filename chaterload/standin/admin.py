"""The stand-in's own pages, /metrics among them. None of them is delayed or counted."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, request
from prometheus_client import CONTENT_TYPE_LATEST

from chaterload.standin.endpoints import json_answer, text
from chaterload.standin.service import Service

_HOME = """<!doctype html><html lang="en"><title>Stand-in for Chater UI</title>
<h1>Stand-in for Chater UI</h1>
<p>It keeps Chater UI's wire contract with records in memory. Its own pages:</p>
<ul>
<li><a href="/_standin/records">records</a>: what each account has and sent; <code>?email=</code> for one</li>
<li><a href="/_standin/counters">counters</a>: requests, writes dropped on purpose, faults</li>
<li><a href="/_standin/delays">delays</a>: the latest delays in ms; <code>?path=</code> for one path</li>
<li><a href="/_standin/faults">faults</a>: as they are set; POST JSON to change some</li>
<li><a href="/metrics">metrics</a>: Prometheus text</li>
</ul>
<p>POST /_standin/seed takes {"email", "dishes": [{"time", "calories"}], "alcohol": [{"time"}]}.</p>
"""


def admin_pages(service: Service) -> Blueprint:
    """The pages about `service`."""
    pages = Blueprint("standin", __name__)

    @pages.get("/")
    def home() -> Response:
        return text(_HOME)

    @pages.get("/metrics")
    def metrics() -> Response:
        return Response(service.counters.metrics(), content_type=CONTENT_TYPE_LATEST)

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
        return json_answer(asdict(service.faults.settings))

    @pages.post("/_standin/faults")
    def change_faults() -> Response:
        return _change_faults(service, request.get_json(force=True))

    @pages.post("/_standin/seed")
    def seed() -> Response:
        return _seed(service, request.get_json(force=True))

    return pages


def _change_faults(service: Service, told: Any) -> Response:
    try:
        service.faults.settings = service.faults.settings.changed(told)
    except (ValueError, AttributeError) as error:
        return json_answer({"error": str(error)}, 400)
    return json_answer(asdict(service.faults.settings))


def _seed(service: Service, told: Any) -> Response:
    try:
        account = service.records.accounts[told["email"]]
        account.seed(told.get("dishes", ()), told.get("alcohol", ()))
    except (KeyError, TypeError) as error:
        return json_answer({"error": f"not {{email, dishes, alcohol}}: {error}"}, 400)
    return json_answer(account.summary())


def _counters(service: Service) -> dict[str, Any]:
    return {
        "endpoints": service.counters.summary(),
        "dropped": {kind: list(lost) for kind, lost in service.writes.dropped.items()},
        "faults": service.faults.counts,
        "in_flight": service.counters.in_flight,
    }
