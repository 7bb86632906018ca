"""The stand-in's Flask app, and the gevent server that it runs on."""

from __future__ import annotations

from typing import Any

from flask import Flask
from gevent.pywsgi import WSGIHandler, WSGIServer

from chaterload.standin.admin import admin_pages
from chaterload.standin.endpoints import ENDPOINTS
from chaterload.standin.options import Options
from chaterload.standin.service import SOCKET, Service

BACKLOG = 4096  # connections that may wait to be accepted: a spike of users is no reason to refuse


class _Handler(WSGIHandler):  # type: ignore[misc]  # gevent has no type hints
    def get_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environ()
        environ[SOCKET] = self.socket
        return environ


def create_app(options: Options) -> Flask:
    """The app of one stand-in, its state included."""
    app = Flask("chaterload.standin", static_folder=None)
    service = Service(options)
    for endpoint in ENDPOINTS:
        app.add_url_rule(endpoint.path, endpoint.path, service.view(endpoint), methods=[endpoint.method])
    app.register_blueprint(admin_pages(service))
    app.before_request(service.thaw)
    app.after_request(service.finish)
    return app


def create_server(options: Options) -> WSGIServer:
    """The server, not yet started, and silent: a line of log for each request would be its main work."""
    address = (options.host, options.port)
    return WSGIServer(address, create_app(options), log=None, handler_class=_Handler, backlog=BACKLOG)
