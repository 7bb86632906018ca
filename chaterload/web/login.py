"""A login for Locust's web UI, which asks for none by itself: LOCUST_WEB_USERNAME and LOCUST_WEB_PASSWORD.

They are read from the environment alone: Locust shows its options in the web page and sends them to its workers.
"""

import hmac
import logging
import math
import os
import secrets
from collections import OrderedDict
from dataclasses import dataclass

from flask import Blueprint, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required, login_user, logout_user
from locust.web import WebUI

from chaterload.exits import Refused
from chaterload.internals import Page
from chaterload.web.throttle import Throttle

logger = logging.getLogger(__name__)

USERNAME, PASSWORD = "LOCUST_WEB_USERNAME", "LOCUST_WEB_PASSWORD"

MOST_SESSIONS = 100
"""Are open at once; the next login ends the oldest."""


@dataclass(frozen=True)
class _Visitor:
    """Whoever knows the one name and password that there are, in one browser. What flask_login asks of a user."""

    session_id: str
    is_authenticated = is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        return self.session_id


def is_wanted() -> bool:
    """Whether name and password are there, so that the web UI has to ask for them."""
    return bool(_held(USERNAME) and _held(PASSWORD))


def check(web_login: bool) -> None:
    """Refused when only one of the two variables is set, or neither where a login is asked for."""
    missing = [name for name in (USERNAME, PASSWORD) if not _held(name)]
    if len(missing) == 1 or (missing and web_login):
        raise Refused(f"{' and '.join(missing)} not set. Expected {USERNAME} and {PASSWORD} for a login, or neither.")


def protect(web_ui: WebUI, base_path: str) -> None:
    """Let in, where a login is asked for, whoever gives the right name and password on Locust's login page."""
    if not web_ui.web_login:
        return
    app = web_ui.app
    assert app is not None
    # A key of this process alone: a restart ends every session.
    app.config.update(SECRET_KEY=secrets.token_bytes(32), SESSION_COOKIE_SAMESITE="Lax")
    app.config.update(SESSION_COOKIE_SECURE=bool(web_ui.tls_cert and web_ui.tls_key))
    web_ui.auth_args = {"username_password_callback": f"{base_path or ''}/login"}
    # Kept here as well, so that who logs out is out: a cookie alone would be as good as before to whoever copied it.
    visitors: OrderedDict[str, _Visitor] = OrderedDict()
    web_ui.login_manager.user_loader(visitors.get)
    throttle = Throttle()
    pages = Blueprint("login", __name__, url_prefix=base_path or None)

    @pages.route("/login", methods=["POST"])
    def log_in() -> ResponseReturnValue:
        seconds = throttle.wait_s(_address())
        if seconds:
            session["auth_error"] = f"Wrong name or password. The next try is possible in {math.ceil(seconds)} s."
        elif is_right(request.form.get("username", ""), request.form.get("password", ""), throttle):
            visitor = _Visitor(secrets.token_urlsafe())
            visitors[visitor.session_id] = visitor
            if len(visitors) > MOST_SESSIONS:
                visitors.popitem(last=False)
            login_user(visitor)
            return redirect(url_for(Page.INDEX))
        else:
            session["auth_error"] = "Wrong name or password"
        return redirect(url_for(Page.LOGIN))

    def log_out() -> ResponseReturnValue:
        visitors.pop(current_user.get_id(), None)
        logout_user()
        session.clear()
        return redirect(url_for(Page.LOGIN))

    pages.add_url_rule("/logout", "log_out", login_required(log_out), methods=["POST"])
    app.register_blueprint(pages)


def is_right(username: str, password: str, throttle: Throttle) -> bool:
    """Whether these are the name and the password; wrong ones are told in the log and make the next try wait."""
    given = [text.encode(errors="replace") for text in (username, password)]
    right = [hmac.compare_digest(*pair) for pair in zip(given, map(_held, (USERNAME, PASSWORD)), strict=True)]
    if not all(right):
        logger.warning("Somebody at %s gave a wrong name or password in the web UI.", _address())
    throttle.note(_address(), all(right))
    return all(right)


def _address() -> str:
    return request.remote_addr or ""


def _held(name: str) -> bytes:
    return os.environ.get(name, "").encode(errors="surrogateescape")
