"""What we change in the pages of Locust's web UI: a tab, a button, and what they may load and run."""

import base64
import hashlib
import json
import re
from functools import partial
from io import BytesIO
from pathlib import Path

from flask import Blueprint, Flask, Response, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from locust.runners import STATE_RUNNING
from locust.web import WebUI

from chaterload.internals import Page
from chaterload.report import tab
from chaterload.report.formats import FORMATS, ReportFormat
from chaterload.run.controller import RunController, rate_so_far
from chaterload.run.figures import in_flight, past_limit
from chaterload.run.lifecycle import Phase

_SCRIPT = re.compile(rb"<script[^>]*>(.*?)</script", re.DOTALL | re.IGNORECASE)
_THEMES = ("", "light", "dark")

_LOG_OUT = """<form method="post" action="{}" style="position:fixed;right:1em;bottom:1em;z-index:2000">
<button type="submit">Log out</button></form>
</body>"""


def guard_pages(app: Flask) -> None:
    """Let pages load from here alone, run only the scripts that they were sent with, and stand in no frame."""

    @app.before_request
    def check_theme() -> Response | None:
        """Locust writes it into the report's script as it is."""
        if request.args.get("theme", "") in _THEMES:
            return None
        return Response("The theme is unknown. Expected light or dark.\n", 400, mimetype="text/plain")

    @app.after_request
    def guard(response: Response) -> Response:
        """Errors are plain text, too: Locust's repeat what was sent, and call it HTML."""
        if response.status_code >= 400:
            response.mimetype = "text/plain"
        is_page = response.mimetype == "text/html" and not response.direct_passthrough
        response.headers["Content-Security-Policy"] = policy(response.get_data() if is_page else b"")
        return response


def policy(page: bytes) -> str:
    """The content policy for a page: its scripts by their hashes. Locust's page sets styles as it goes."""
    hashes = (base64.b64encode(hashlib.sha256(script).digest()).decode() for script in _SCRIPT.findall(page) if script)
    scripts = "".join(f" 'sha256-{hashed}'" for hashed in hashes)
    return (
        f"default-src 'none'; script-src 'self'{scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def add_log_out(app: Flask) -> None:
    """Put a button to log out on Locust's page, which has none."""

    @app.after_request
    def add_button(response: Response) -> Response:
        if request.endpoint == Page.INDEX and response.mimetype == "text/html" and current_user.is_authenticated:
            button = _LOG_OUT.format(url_for("login.log_out"))
            response.set_data(response.get_data(as_text=True).replace("</body>", button))
        return response


def add_tab(web_ui: WebUI, control: RunController) -> None:
    """Put the objectives beside Locust's own tabs, live."""
    assert web_ui.app is not None
    web_ui.template_args.update(extended_tabs=tab.TABS, extended_tables=tab.TABLES, extended_csv_files=tab.DOWNLOADS)
    look = Path(__file__).with_name("tab.html").read_text(encoding="utf-8")

    @web_ui.app.after_request
    def add_objectives(response: Response) -> Response:
        if request.endpoint == Page.INDEX and response.mimetype == "text/html":
            response.set_data(response.get_data(as_text=True).replace("</body>", f"{look}</body>"))
        if request.endpoint == Page.REQUEST_STATS and response.is_json:
            answer = response.get_json()
            answer["extended_stats"] = tab.extended_stats(_moment(control))
            if control.phase is Phase.STOPPING:
                answer["state"] = STATE_RUNNING  # in any other the page asks no more, and never shows the verdict
            response.set_data(json.dumps(answer))
        return response


def _moment(control: RunController) -> tab.Moment | None:
    verdict, reports = control.verdict(), control.node.reports()
    if verdict is None or control.judge is None:
        return None
    waiting, oldest_s = in_flight(reports)
    return tab.Moment(
        verdict,
        control.report,
        in_flight=waiting,
        oldest_s=oldest_s,
        unanswered=past_limit(reports, control.judge.objectives),
        rate=rate_so_far(control),
    )


def add_downloads(web_ui: WebUI, control: RunController, base_path: str) -> None:
    """Serve the last run's verdict in each of its formats."""
    assert web_ui.app is not None
    pages = Blueprint("verdict", __name__, url_prefix=base_path or None)

    def download(wanted: ReportFormat) -> ResponseReturnValue:
        report = control.report
        if report is None:
            why = "no run has ended" if control.phase.allows_a_start else "a run goes on"
            return Response(f"There is no verdict yet: {why}.\n", 404, mimetype="text/plain")
        name = f"{report.run.start:%Y-%m-%dT%H-%M-%SZ}-{wanted.file_name}"
        return send_file(BytesIO(wanted.text(report).encode()), download_name=name, as_attachment=True)

    for known in FORMATS:
        view = web_ui.auth_required_if_enabled(partial(download, known))
        pages.add_url_rule(f"/{known.file_name}", known.name, view)
    web_ui.app.register_blueprint(pages)
