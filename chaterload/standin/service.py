"""How a request is served: signs in, delays, injects faults, counts, and lets the endpoint answer."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import gevent
import gevent.socket
import jwt
from flask import Response, request

from chaterload.chater.tokens import ALGORITHM, signing_key
from chaterload.standin.counters import Counters
from chaterload.standin.delays import Delays
from chaterload.standin.endpoints import ENDPOINTS, Chater, Endpoint, Refusal, json_answer, text
from chaterload.standin.faults import Faults
from chaterload.standin.options import Options
from chaterload.standin.records import Records
from chaterload.standin.workers import Workers
from chaterload.standin.writes import Writes

SOCKET = "stand_in.socket"  # where app.py puts the connection, so that a hang sees the client leave
CLIENT_LEFT = 499


class Service:
    """All state of one stand-in, and what every request goes through."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.records = Records()
        self.faults = Faults(options.faults, options.seed)
        self.writes = Writes(self.records, self.faults, gevent.spawn_later)
        self.delays = Delays(options)
        self.counters = Counters()
        self._workers = Workers(options.workers)
        self._chater = Chater(options, self.records, self.faults, self.writes, self._patience)
        self._key = signing_key(options.secret)
        self._paths = {endpoint.path for endpoint in ENDPOINTS}
        self._started = perf_counter()

    def view(self, endpoint: Endpoint) -> Callable[[], Response]:
        def answer() -> Response:
            self.counters.began(endpoint.method, endpoint.path)
            status, seconds = 500, 0.0
            try:
                response, seconds = self._serve(endpoint)
                status = response.status_code
            finally:
                self.counters.ended(endpoint.method, endpoint.path, status, seconds)
            return response

        return answer

    def finish(self, response: Response) -> Response:
        """Closes the connection after every answer, as Chater UI does, and counts what went astray."""
        if not self.options.keep_alive:
            response.headers["Connection"] = "close"
        if request.routing_exception and response.status_code in (404, 405):
            path = request.path if request.path in self._paths else "(unknown path)"
            self.counters.astray(request.method, path, response.status_code)
        return response

    def _serve(self, endpoint: Endpoint) -> tuple[Response, float]:
        """The answer, and the seconds that were worked on it: waiting for a worker is not work."""
        try:
            body = request.get_data(cache=False)
            email = self._caller() if endpoint.route.needs_token else ""
        except OSError:  # the client left while it was sending
            return Response(status=CLIENT_LEFT), 0.0
        except Refusal as refusal:
            return refusal.response, 0.0
        fault = self.faults.draw(endpoint.path)
        if fault == "hang":
            self.faults.counts[fault] += 1
            gevent.socket.wait_read(request.environ[SOCKET].fileno())
            return Response(status=CLIENT_LEFT), 0.0

        def seconds(waiting: int) -> float:
            minutes = (perf_counter() - self._started) / 60
            return self.delays.next(endpoint.path, minutes, waiting) / 1000

        with self._workers.one(seconds) as began:
            response = self._answer(endpoint, email, body, fault)
            return response, perf_counter() - began

    def _answer(self, endpoint: Endpoint, email: str, body: bytes, fault: str | None) -> Response:
        if fault in ("5xx", "failed"):
            self.faults.counts[fault] += 1
            return text("Internal Server Error", 500) if fault == "5xx" else text("Failed")
        try:
            response = endpoint.handle(self._chater, email, body)
        except Refusal as refusal:
            return refusal.response
        if fault:
            garbled = self.faults.garbled(fault, response.get_data())
            self.faults.counts[fault] += garbled != response.get_data()
            response.set_data(garbled)
        return response

    def _caller(self) -> str:
        """The e-mail of the bearer token."""
        header = request.headers.get("Authorization")
        if header is None:
            raise Refusal(json_answer({"message": "Token is missing"}, 401))
        scheme, _, token = header.partition(" ")
        if scheme != "Bearer" or not token:
            raise Refusal(json_answer({"message": "Invalid token format"}, 401))
        try:
            claims = jwt.decode(token, self._key, algorithms=[ALGORITHM], options={"require": ["sub"]})
        except jwt.ExpiredSignatureError:
            raise Refusal(json_answer({"message": "Token has expired"}, 401)) from None
        except jwt.InvalidTokenError:
            raise Refusal(json_answer({"message": "Invalid token"}, 401)) from None
        return str(claims["sub"])

    def _patience(self, seconds: float) -> None:
        gevent.sleep(seconds * self.options.patience_scale)
