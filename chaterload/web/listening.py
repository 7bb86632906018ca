"""Where the web UI listens, and under which names it answers."""

import logging
import socket
from ipaddress import ip_address

from locust.web import WebUI

from chaterload.exits import Refused
from chaterload.run.node import options_of
from chaterload.web.gate import ANY_ADDRESS, Gate, known_names

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"


def default_host(login: bool) -> str:
    """Where to listen when neither --web-host nor LOCUST_WEB_HOST says: without a login for this machine alone."""
    return "" if login else LOOPBACK


def listen_safely(web_ui: WebUI, known_as: list[str]) -> None:
    """Put the gate before all pages, and warn of a web UI that others can use. Refused when it cannot listen."""
    assert web_ui.app is not None
    if not (options_of(web_ui.environment).web_host or web_ui.web_login):
        web_ui.host = LOOPBACK  # a LOCUST_WEB_HOST that is empty says nothing; * says each address
    _check_port(web_ui.host, web_ui.port)
    names = known_names(web_ui.host, known_as)
    gate = Gate(web_ui.app.wsgi_app, names, any_address=web_ui.host in ANY_ADDRESS)
    web_ui.app.wsgi_app = gate  # type: ignore[method-assign]  # Flask's documented place for it
    if not web_ui.web_login and not _is_loopback(web_ui.host):
        logger.warning(
            "The web UI listens on %s without a login: whoever reaches port %d can start load with your token. "
            "Set LOCUST_WEB_USERNAME and LOCUST_WEB_PASSWORD, or --web-host %s.",
            web_ui.host or "every address of this machine",
            web_ui.port,
            LOOPBACK,
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_port(host: str, port: int) -> None:
    """Refused when the port is not to be had, which Locust finds out later, with a traceback."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Refused(
                f"--web-port {port} of --web-host {host!r} cannot be listened on ({error.strerror}). "
                "Expected an address of this machine and a free port."
            ) from None
