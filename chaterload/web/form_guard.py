"""The web UI's forms: what they may ask, since Locust itself lets them set anything."""

import logging
import math
from collections.abc import Callable, Iterable
from contextlib import suppress

from flask import Response, g, jsonify, request
from flask_login import current_user
from locust.env import Environment
from locust.web import WebUI
from werkzeug.datastructures import ImmutableMultiDict

from chaterload.chater.hosts import allowed_name, base_url, without_password
from chaterload.exits import Refused
from chaterload.internals import Page, parse_timespan
from chaterload.load.rates import parse_rate
from chaterload.run.controller import RunController, ask_rate
from chaterload.run.lifecycle import Phase
from chaterload.run.node import options_of
from chaterload.run.options import LONGEST_S

logger = logging.getLogger(__name__)

FORM_FIELDS = frozenset(
    ("user_count", "spawn_rate", "host", "run_time", "profile", "user_classes", "shape_class", "rate")
)
"""What the web UI's form may set; Locust itself would let it set any option."""

USER_FIELDS = frozenset(("user_class_name", "weight", "fixed_count", "tasks"))
"""What the class picker may set of a user class; Locust itself would let it set any attribute."""

MOST_USERS = 50_000
"""What the web UI may ask of one process: ten times what one was seen to hold. A slip of the hand must not end it."""


class Hosts:
    """The hosts that a form may choose among: those that whoever started the process named."""

    def __init__(self, host: str | None, configured: Iterable[str | None], allowed: Iterable[str]) -> None:
        """`host` is the one that load goes to if the form names none; `allowed` are names, with any scheme and port."""
        self._none_is_fine = not host
        self._urls = {base_url(url): None for url in (host, *configured) if url}
        self._names = {allowed_name(name): None for name in allowed}

    def choose(self, given: str) -> str:
        """The base URL that a form gives; "" where none is fine. Refused when it is none of them."""
        if not given and self._none_is_fine:
            return given
        with suppress(ValueError):
            url = base_url(given)
            if url in self._urls or allowed_name(url) in self._names:
                return url
        expected = [*self._urls, *(f"http://{name}" for name in self._names)]
        raise Refused(
            f"The form's host is {without_password(given)[:200]!r}. Expected a host that Locust was started for: "
            f"{' or '.join(expected)}. To load another, start it with --host or --allow-host."
        )


def guard_forms(web_ui: WebUI, control: RunController, hosts: Hosts) -> None:
    """Refuse in the web UI's forms what whoever started Locust did not allow, and what would spoil a run's figures."""
    assert web_ui.app is not None
    checks: dict[str, Callable[[], None]] = {
        Page.SWARM: lambda: _check_form(control, hosts),
        Page.UPDATE_USER: lambda: _check_user(control),
        Page.RESET_STATS: lambda: _check_reset(control),
    }

    @web_ui.app.before_request
    def check_forms() -> Response | None:
        check = checks.get(str(request.endpoint))
        if check is None or (web_ui.web_login and not current_user.is_authenticated):
            return None
        try:
            check()
        except Refused as refused:
            message = " ".join(refused.problems)
            logger.warning("The web UI's form is refused: %s", message)
            return jsonify({"success": False, "message": message, "host": control.environment.host})
        return None

    @web_ui.app.after_request
    def give_up_start(response: Response) -> Response:
        """What was checked for a start that Locust itself refuses is not for the next one."""
        if g.get("began") and not (response.is_json and response.get_json().get("success")):
            control.abandon()
        return response


def _check_form(control: RunController, hosts: Hosts) -> None:
    unknown = sorted(request.form.keys() - FORM_FIELDS)
    if unknown:
        raise Refused(f"The form may not set {', '.join(unknown)}. Expected {', '.join(sorted(FORM_FIELDS))}.")
    _take_strategys_name(control.environment)
    _check_choices(control.environment)
    # what Locust makes of it: a field that is there and empty empties the host
    host = hosts.choose(request.form.get("host", control.environment.host or ""))
    if host:
        _replace("host", host)
    users = _check_numbers(MOST_USERS * max(1, control.workers), needed=not _has_shape(control.environment))
    _check_rate(control, users)
    if control.phase is not Phase.RUNNING:
        control.begin(users, host or None)
        if not request.form.get("run_time"):
            options_of(control.environment).run_time = None  # Locust keeps the command line's, and does not follow it
        g.began = True
    else:
        _check_change(control, host)


def _replace(field: str, value: str) -> None:
    """Have Locust find another value in the form."""
    form = request.form.copy()
    form[field] = value
    request.form = ImmutableMultiDict(form)


def _take_strategys_name(environment: Environment) -> None:
    """A script may give a strategy's name alone, as the command line does; the picker tells its load as well."""
    name = request.form.get("shape_class")
    for label, shape in (environment.available_shape_classes or {}).items():
        if name and name == getattr(shape, "name", None):
            _replace("shape_class", label)


def _check_change(control: RunController, host: str) -> None:
    """Refuse what a run that goes on cannot become; Locust would say yes to a strategy, and lose sight of the run."""
    if host != (control.environment.host or ""):
        raise Refused("The host cannot change during a run. Stop the run first.")
    if _has_shape(control.environment) or (control.run and control.run.shape):
        raise Refused("A strategy can neither begin nor change during a run. Stop the run first.")


def _check_rate(control: RunController, users: int) -> None:
    """Refuse a rate that is none, one beside users or a strategy, and one for a run by users that goes on.

    The page always sends a number of users; 1 is what it says when nobody typed any.
    """
    options = options_of(control.environment)
    given = request.form.get("rate", options.rate or "").strip()
    try:
        rate = parse_rate(given) if given else None
    except ValueError as error:
        raise Refused(f"The form's rate {error}") from None
    if rate is not None and _has_shape(control.environment):
        raise Refused(f"The form's rate is {given!r} beside a strategy, which has its own. Expected one of them.")
    if rate is not None and users > 1:
        raise Refused(f"The form asks for {users} users and for the rate {given!r}. Expected a rate, and 1 user.")
    if control.phase is Phase.RUNNING and control.run:
        if control.run.by_rate is not (rate is not None) and not _has_shape(control.environment):
            raise Refused("A run cannot change from users to a rate, nor back. Stop the run first.")
        if rate is not None:
            ask_rate(control, rate)
    else:
        options.rate = given  # as Locust does with it next, but before the start is checked


def _has_shape(environment: Environment) -> bool:
    """Whether the run takes its users from a shape, and none from the form."""
    if options_of(environment).class_picker:
        return request.form.get("shape_class", "Default") != "Default"
    return environment.shape_class is not None


def _check_numbers(most: int, *, needed: bool) -> int:
    """How many users the form asks for. Refused when a number is none, or too large for a run to end.

    Locust would say so of some, and only after it has taken the host and dropped the time that a run still has.
    """
    default = "" if needed else "1"
    given = {name: request.form.get(name, default) for name in ("user_count", "spawn_rate")}
    given["run_time"] = request.form.get("run_time", "")
    try:
        users, spawn_rate = int(given["user_count"]), float(given["spawn_rate"])
        run_time = _seconds(given["run_time"] or "1")
        if users < 0 or not 0 < spawn_rate < math.inf:
            raise ValueError
    except ValueError:
        told = ", ".join(f"{name} {text[:40]!r}" for name, text in given.items())
        raise Refused(
            f"The form's numbers are wrong: {told}. Expected a whole number of users, a spawn rate above 0, and "
            "a time such as 20, 20s, 3m, 2h, 1h20m, or none."
        ) from None
    if users > most:
        raise Refused(f"{users} users are asked for. Expected at most {most}, {MOST_USERS} for each process.")
    if run_time > LONGEST_S or spawn_rate < 1 / LONGEST_S:
        raise Refused(f"The run would take for ever. Expected a time and a spawn rate for at most {LONGEST_S} s.")
    return users


def _seconds(text: str) -> float:
    try:
        return parse_timespan(text)
    except OverflowError:
        return float("inf")


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


def _check_user(control: RunController) -> None:
    """What the class picker's dialogue may change of a user class: not its host, nor anything else of its inside."""
    try:
        asked = request.get_json(force=True, silent=True)
    except RecursionError:
        asked = None
    known = control.environment.available_user_classes or {}
    name = asked.get("user_class_name") if isinstance(asked, dict) else None
    if not isinstance(asked, dict) or not isinstance(name, str) or name not in known or not asked.keys() <= USER_FIELDS:
        raise Refused(f"A user class may be changed by its name, in {', '.join(sorted(USER_FIELDS))} alone.")
    numbers = [asked[field] for field in ("weight", "fixed_count") if field in asked]
    if not all(type(number) is int and 0 <= number <= MOST_USERS for number in numbers):
        raise Refused(f"Expected whole numbers from 0 to {MOST_USERS}.")
    if "tasks" in asked:
        tasks = [getattr(task, "__name__", "") for task in (control.environment.available_user_tasks or {})[name]]
        _check_tasks(asked["tasks"], tasks)


def _check_tasks(asked: object, known: list[str]) -> None:
    if not isinstance(asked, list) or not asked or not all(task in known for task in asked):
        raise Refused(f"The user's tasks are none, or unknown. Expected some of {', '.join(known)}.")


def _check_reset(control: RunController) -> None:
    """A run's verdict is made of the statistics: whoever empties them half-way hides what failed before."""
    if control.phase in (Phase.RUNNING, Phase.STOPPING):
        raise Refused("The statistics cannot be reset during a run: its verdict is made of them. Stop the run first.")
