"""The web UI's forms: what they may ask, since Locust itself lets them set anything."""

import socket

from flask import Response, jsonify, request
from flask_login import current_user
from locust.env import Environment
from locust.util.timespan import parse_timespan
from locust.web import WebUI

from chaterload.exits import Refused
from chaterload.run.control import Control
from chaterload.run.node import options_of

FORM_FIELDS = frozenset(("user_count", "spawn_rate", "host", "run_time", "profile", "user_classes", "shape_class"))
"""What the web UI's form may set; Locust itself would let it set any option."""

USER_FIELDS = frozenset(("user_class_name", "weight", "fixed_count", "tasks"))
"""What the class picker may set of a user class; Locust itself would let it set any attribute."""

LONGEST_S = 366 * 24 * 3600
"""Of a run that the web UI starts: a time that no timer can hold would make Locust refuse every later run."""

MOST_USERS = 50_000
"""What the web UI may ask of one process: ten times what one was seen to hold. A slip of the hand must not end it."""


def check_port(web_ui: WebUI) -> None:
    """Refused when the web UI's port is not to be had, which Locust finds out after this event, with a traceback."""
    host, port = web_ui.host, web_ui.port
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Refused(
                f"--web-port {port} of --web-host {host!r} cannot be listened on ({error.strerror}). "
                "Expected an address of this machine and a free port."
            ) from None


def guard(web_ui: WebUI, control: Control) -> None:
    """Refuse, in the web UI's forms, what would be refused on the command line."""
    assert web_ui.app is not None

    @web_ui.app.before_request
    def check_forms() -> Response | None:
        check = {"locust.swarm": _check_form, "locust.update_user": _check_user}.get(str(request.endpoint))
        if check is None or (web_ui.web_login and not current_user.is_authenticated):
            return None
        try:
            check(control)
        except Refused as refused:
            return jsonify({"success": False, "message": " ".join(refused.problems), "host": control.environment.host})
        return None

    @web_ui.app.after_request
    def keep_errors_plain(response: Response) -> Response:
        """Locust's text of an error repeats what was sent, and calls it HTML."""
        if response.status_code >= 400:
            response.mimetype = "text/plain"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def _check_form(control: Control) -> None:
    unknown = sorted(request.form.keys() - FORM_FIELDS)
    if unknown:
        raise Refused(f"The form may not set {', '.join(unknown)}. Expected {', '.join(sorted(FORM_FIELDS))}.")
    _check_choices(control.environment)
    host = request.form.get("host") or control.environment.host
    try:
        users = int(request.form.get("user_count", "1"))
        spawn_rate = float(request.form.get("spawn_rate", "1"))
        run_time = parse_timespan(request.form.get("run_time") or "1")
    except ValueError:
        return  # Locust's own answer says so
    most = MOST_USERS * max(1, control.workers)
    if users > most:
        raise Refused(f"{users} users are asked for. Expected at most {most}, {MOST_USERS} for each process.")
    if run_time > LONGEST_S or 0 < spawn_rate < 1 / LONGEST_S:
        raise Refused(f"The run would take for ever. Expected a time and a spawn rate for at most {LONGEST_S} s.")
    if control.is_running:
        if host != control.environment.host:
            raise Refused("The host cannot change during a run. Stop the run first.")
        return
    control.check(users, host)


def _check_choices(environment: Environment) -> None:
    """Refuse user classes and shapes that there are none of: Locust would fail half-way."""
    if not options_of(environment).class_picker:
        return
    known = {
        "user_classes": [*(environment.available_user_classes or ())],
        "shape_class": ["Default", *(environment.available_shape_classes or ())],
    }
    for field, names in known.items():
        if not set(request.form.getlist(field)) <= set(names):
            raise Refused(f"The form's {field} is unknown. Expected one of {', '.join(names)}.")


def _check_user(control: Control) -> None:
    """What the class picker's dialogue may change of a user class: not its host, nor anything else of its inside."""
    asked = request.get_json(force=True, silent=True)
    known = control.environment.available_user_classes or {}
    if not isinstance(asked, dict) or asked.get("user_class_name") not in known or not asked.keys() <= USER_FIELDS:
        raise Refused(f"A user class may be changed by its name, in {', '.join(sorted(USER_FIELDS))} alone.")
    numbers = [asked[name] for name in ("weight", "fixed_count") if name in asked]
    tasks = asked.get("tasks", [])
    if not all(type(number) is int and 0 <= number <= MOST_USERS for number in numbers) or not isinstance(tasks, list):
        raise Refused(f"Expected whole numbers from 0 to {MOST_USERS}, and a list of tasks.")
