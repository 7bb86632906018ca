"""The page /metrics beside the web UI's own: the figures of the run, as they are at each scrape."""

import math
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, request
from flask_login import current_user
from locust.web import WebUI

from chaterload.judge.measure import Snapshot
from chaterload.judge.objectives import Result, evaluate
from chaterload.run.controller import RunController, rate_so_far
from chaterload.run.criteria import evaluate_run
from chaterload.run.figures import add_up_writes, failures, in_flight, past_limit, silences, snapshot
from chaterload.web import login
from chaterload.web.throttle import Throttle


def add_page(web_ui: WebUI, control: RunController, base_path: str) -> None:
    """Serve /metrics. Where a login is asked for, a scraper gives the same name and password as HTTP basic auth.

    No other page takes them in this form: a browser would send them along with whatever another site makes it send.
    """
    from chaterload.report.prometheus import CONTENT_TYPE, Figures, to_text  # only who has a web UI waits for it

    assert web_ui.app is not None
    pages = Blueprint("metrics", __name__, url_prefix=base_path or None)
    throttle = Throttle()  # its own: a scraper with an old password keeps nobody out of the login page

    @pages.route("/metrics")
    def metrics() -> Response:
        if web_ui.web_login and not current_user.is_authenticated and (refusal := _refusal(throttle)):
            return refusal
        stats = control.environment.stats
        now = snapshot(stats, control.run.clock_set_by if control.run else 0.0)
        reports = control.node.reports()
        waiting, oldest_s = in_flight(reports)
        figures = Figures(
            now,
            failures(stats),
            _results(control, now),
            add_up_writes(reports),
            users=control.runner.user_count,
            workers=control.workers,
            cpu_percent=control.sampler.cpu_percent(),
            in_flight=waiting,
            oldest_s=oldest_s,
            unanswered=past_limit(reports, control.judge.objectives if control.judge else ()),
            longest_silence_s=_longest_silence(control, reports),
            rate=rate_so_far(control),
            asked_rps=control.run.asked.now if control.run else 0.0,
            outcome=control.report.verdict.outcome if control.report else None,
        )
        return Response(to_text(figures), content_type=CONTENT_TYPE)

    web_ui.app.register_blueprint(pages)


def _longest_silence(control: RunController, reports: list[dict[str, Any]]) -> float:
    found = silences(reports, control.run.span) if control.run else ()
    return max((silence.seconds for silence in found), default=0.0)


def _refusal(throttle: Throttle) -> Response | None:
    """The answer to a request that does not give the name and the password, or gives them too soon."""
    seconds = throttle.wait_s(request.remote_addr or "")
    if seconds:
        after = math.ceil(seconds)
        sentence = f"Wrong name or password. The next try is possible in {after} s.\n"
        return Response(sentence, 429, {"Retry-After": str(after)})
    given = request.authorization
    if given and given.type == "basic" and login.is_right(given.username or "", given.password or "", throttle):
        return None
    return Response("Name and password needed\n", 401, {"WWW-Authenticate": 'Basic realm="metrics"'})


def _results(control: RunController, now: Snapshot) -> Sequence[Result]:
    """The verdict's own once there is one; until then the objectives alone are judged, which is all that is cheap."""
    if control.report is not None:
        return control.report.verdict.results
    if control.judge is None:
        return ()
    if control.run is None:
        return evaluate(control.judge.objectives, Snapshot({}, 0.0))
    return evaluate_run(control.environment, control.judge, control.run, now)
