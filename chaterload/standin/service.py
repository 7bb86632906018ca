"""How a request is served: signs in, delays, injects faults, counts, and lets the endpoint answer."""

from __future__ import annotations

import socket
from collections.abc import Callable
from time import perf_counter

import gevent
import gevent.socket
import jwt
from flask import Response, request

from chaterload.chater.tokens import ALGORITHM, signing_key
from chaterload.standin.chater import Call, Chater
from chaterload.standin.counters import Counters
from chaterload.standin.delays import Delays
from chaterload.standin.endpoints import ENDPOINTS, ServedEndpoint
from chaterload.standin.faults import Faults
from chaterload.standin.options import Options
from chaterload.standin.records import Records
from chaterload.standin.wire import Broken, GaveUp, Refusal, json_answer, text
from chaterload.standin.workers import Turn, Workers
from chaterload.standin.writes import WriteApplier

SOCKET = "stand_in.socket"  # where app.py puts the connection, so that a hang sees the client leave
OWN_PAGES = "/_standin/"
CLIENT_LEFT = 499

USUAL_WORKERS = 4
"""As deployed; a fault of the workers' takes so many where --workers sets no limit."""
HANGS_AFTER = 8
"""So many requests get a 500 before the workers begin to hang."""
REDIS_SILENCE_S = 31.0
"""For how long a worker waits for a Redis that went away."""
KAFKA_GIVES_UP_AFTER = 30.0
LOOK_AGAIN_S = 0.1
_HEADERS = {"Set-Cookie": "session=stand-in; HttpOnly; Path=/", "Vary": "Cookie", "Access-Control-Allow-Origin": "*"}


class Service:
    """All state of one stand-in, and what every request goes through."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.records = Records()
        self.faults = Faults(options.faults, options.seed)
        self.writes = WriteApplier(self.records, self.faults, gevent.spawn_later)
        self.delays = Delays(options)
        self.counters = Counters(options.seed)
        self._workers = Workers(self._limit)
        self._stuck = 0
        self._chater = Chater(options, self.records, self.faults, self.writes)
        self._key = signing_key(options.secret)
        self._paths = {endpoint.path for endpoint in ENDPOINTS}
        self._first: float | None = None

    def view(self, endpoint: ServedEndpoint) -> Callable[[], Response]:
        def answer() -> Response:
            self.counters.began(endpoint.method, endpoint.path)
            status, seconds = 500, 0.0
            try:
                response, seconds = self._serve(endpoint)
                status = response.status_code
            finally:
                own_page = self.faults.on("per-worker-metrics") is not None
                self.counters.ended(endpoint.method, endpoint.path, status, seconds, of_one_worker=own_page)
            return response

        return answer

    def thaw(self) -> None:
        """Waits until the workers are not frozen. Only our own pages do not need them."""
        if request.path.startswith(OWN_PAGES):
            return
        self.faults.begin()
        while self.faults.on("frozen-workers"):
            gevent.sleep(LOOK_AGAIN_S)

    def finish(self, response: Response) -> Response:
        """Gives the answer Chater UI's headers and counts what went astray."""
        response.headers["Connection"] = "close"
        if request.path.startswith(OWN_PAGES):
            return response
        self.thaw()
        response.headers.update(_HEADERS)
        if request.routing_exception and response.status_code in (404, 405):
            path = request.path if request.path in self._paths else "(unknown path)"
            self.counters.astray(request.method, path, response.status_code)
        return response

    def _serve(self, endpoint: ServedEndpoint) -> tuple[Response, float]:
        """The answer, and the seconds that were worked on it: waiting for a worker is not work."""
        try:
            call = self._call(endpoint)
        except OSError:  # the client left while it was sending
            return Response(status=CLIENT_LEFT), 0.0
        except Refusal as refusal:
            return refusal.response, 0.0
        fault = self.faults.draw(endpoint.path)
        if fault == "hang":
            self.faults.counts[fault] += 1
            gevent.socket.wait_read(request.environ[SOCKET].fileno())
            return Response(status=CLIENT_LEFT), 0.0
        with self._workers.one() as turn:
            response = self._server_fault(endpoint) or self._work(endpoint, call, turn, fault)
            return response, perf_counter() - turn.began

    def _limit(self) -> int | None:
        """How many workers there are; None where it does not matter."""
        few = self._stuck or self.faults.on("redis-gone") or self.faults.on("hanging-workers")
        return self.options.workers or (USUAL_WORKERS if few else None)

    def _server_fault(self, endpoint: ServedEndpoint) -> Response | None:
        """What the server's own faults make of a request that got a worker; None when they let it through."""
        if endpoint.polls and self.faults.on("database-restart"):
            return endpoint.broken.response()
        workers = self._limit() or USUAL_WORKERS
        if endpoint.polls and (episode := self.faults.on("redis-gone")):
            if self.faults.hit(episode) >= workers:
                self._hold(REDIS_SILENCE_S * self.options.patience_scale)
            return endpoint.broken.response()
        if episode := self.faults.on("hanging-workers"):
            hit = self.faults.hit(episode)
            if hit < HANGS_AFTER:
                return endpoint.broken.response()
            if self._stuck < max(workers - 1, 1):
                return self._hang_until_killed()
        return None

    def _hold(self, seconds: float) -> None:
        """Keeps this worker for so long."""
        self._stuck += 1
        try:
            gevent.sleep(seconds)
        finally:
            self._stuck -= 1

    def _hang_until_killed(self) -> Response:
        """Keeps this worker until the fault ends, which takes the connection with it."""
        while self.faults.on("hanging-workers"):
            self._hold(LOOK_AGAIN_S)
        request.environ[SOCKET].shutdown(socket.SHUT_RDWR)
        return Response(status=CLIENT_LEFT)

    def _work(self, endpoint: ServedEndpoint, call: Call, turn: Turn, fault: str | None) -> Response:
        if self._first is None:
            self._first = perf_counter()
        minutes = (perf_counter() - self._first) / 60
        turn.work(self.delays.next(endpoint.path, minutes, turn.waiting) / 1000)
        if fault in ("5xx", "failed"):
            self.faults.counts[fault] += 1
            return text("Internal Server Error", 500) if fault == "5xx" else text("Failed")
        try:
            response = endpoint.handle(call)
        except Refusal as refusal:
            return refusal.response
        except Broken:
            return endpoint.broken.response()
        except GaveUp:
            seconds = KAFKA_GIVES_UP_AFTER if self.faults.on("kafka-gone") else endpoint.gives_up_after
            gevent.sleep(seconds * self.options.patience_scale)
            return endpoint.unanswered.response()
        if fault:
            garbled = self.faults.garbled(fault, response.get_data())
            self.faults.counts[fault] += garbled != response.get_data()
            response.set_data(garbled)
        return response

    def _call(self, endpoint: ServedEndpoint) -> Call:
        """The request, read whole. OSError when the client left meanwhile, Refusal when it is not signed in."""
        body = request.get_data(cache=False)
        subject = self._subject() if endpoint.route.needs_token else None
        return Call(self._chater, subject, body, request.mimetype, request.args)

    def _subject(self) -> str | None:
        """The e-mail of the bearer token, if it names one."""
        header = request.headers.get("Authorization")
        if header is None:
            raise Refusal(json_answer({"message": "Token is missing"}, 401))
        scheme, _, rest = header.partition(" ")
        token = rest.partition(" ")[0]
        if scheme != "Bearer" or not token:
            raise Refusal(json_answer({"message": "Invalid token format"}, 401))
        try:
            claims = jwt.decode(token, self._key, algorithms=[ALGORITHM], options={"verify_aud": False})
        except jwt.ExpiredSignatureError:
            raise Refusal(json_answer({"message": "Token has expired"}, 401)) from None
        except jwt.InvalidTokenError:
            raise Refusal(json_answer({"message": "Invalid token"}, 401)) from None
        subject: str | None = claims.get("sub")
        return subject
