"""A server that costs little: Chater UI's answers, true enough for every judgement, and nothing else.

`python benchmarks/fastserver.py [MS:SHARE,...] [keep]` prints its port. With delays it answers so much later, and tells
how long each answer really took; with keep it keeps its connections open. The stand-in, with the whole contract, takes
five times as long; against it a generator is measured while it waits, and waking up costs more than the request.
"""

import asyncio
import contextlib
import json
import random
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from chaterload.chater import routes
from chaterload.chater.wire import GRPC, JSON, PROTOBUF
from proto.alcohol_pb2 import GetAlcoholLatestResponse
from proto.custom_date_food_pb2 import CustomDateFoodResponse
from proto.delete_food_pb2 import DeleteFoodRequest, DeleteFoodResponse
from proto.eater_photo_pb2 import PhotoMessage
from proto.get_recomendation_pb2 import RecommendationResponse
from proto.modify_food_record_pb2 import ModifyFoodRecordRequest
from proto.today_food_pb2 import Dish, TodayFood

PHOTO, TODAY, MODIFY, DELETE, CUSTOM_DATE = (
    route.path.encode() for route in (routes.PHOTO, routes.TODAY, routes.MODIFY, routes.DELETE, routes.CUSTOM_DATE)
)
dishes: dict[int, int] = {}
took: list[float] = []
"""Milliseconds to each answer that was delayed, from its connection, or on a kept one from the request's first byte."""
counts: Counter[str] = Counter()
moments: list[tuple[float, float]] = []
"""When each request was made and when its answer was written, as time.perf_counter() tells it."""

DONE = DeleteFoodResponse(success=True).SerializeToString()
SIGNED_IN = json.dumps(
    dict.fromkeys(("token", "expiresIn", "userEmail", "userName", "profilePictureURL"), "x")
).encode()
BODIES = {
    routes.WEIGHT: DONE,
    routes.LANGUAGE: DONE,
    routes.FEEDBACK: DONE,
    routes.RECOMMENDATION: RecommendationResponse(recommendation="Eat more greens.").SerializeToString(),
    routes.CUSTOM_DATE: CustomDateFoodResponse().SerializeToString(),
    routes.ALCOHOL_LATEST: GetAlcoholLatestResponse().SerializeToString(),
    routes.ALCOHOL_RANGE: b"",
    routes.SIGN_IN: SIGNED_IN,
}
FIXED = {route.path.encode(): (route.expected.content_type, body) for route, body in BODIES.items()}


def answer(path: bytes, body: bytes) -> tuple[str, bytes]:
    """Content type and body."""
    fixed = FIXED.get(path)
    if fixed:
        return fixed
    if path == PHOTO:
        dishes[int(PhotoMessage.FromString(body[: body.index(b"\x12")]).time)] = 500
        return JSON, b'{"status": "Success", "user_email": "x"}'
    if path == TODAY:
        listed = [Dish(time=time, estimated_avg_calories=calories) for time, calories in dishes.items()]
        return PROTOBUF, TodayFood(dishes_today=listed).SerializeToString()
    if path == MODIFY:
        time = ModifyFoodRecordRequest.FromString(body).time
        if time in dishes:
            dishes[time] *= 2
        return GRPC, DONE
    if path == DELETE:
        dishes.pop(DeleteFoodRequest.FromString(body).time, None)
        return GRPC, DONE
    if path == b"/_standin/moments":
        return JSON, json.dumps(moments).encode()
    if path == b"/_standin/delays":
        return JSON, json.dumps(took).encode()
    return JSON, json.dumps({"endpoints": {path: {"requests": n} for path, n in counts.items()}}).encode()


class Connection(asyncio.Protocol):
    """One request, one answer; closed, or kept for the next one."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._needed: int | None = None
        self._asked = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._asked = time.perf_counter()

    def data_received(self, data: bytes) -> None:
        """Asyncio's."""
        if not self._received and KEEP:
            self._asked = time.perf_counter()
        self._received += data
        if self._needed is None:
            head, end, _ = self._received.partition(b"\r\n\r\n")
            if not end:
                return
            self._head = bytes(head)
            _, _, length = self._head.lower().partition(b"content-length:")
            self._needed = len(head) + 4 + int(length.split(b"\r\n", 1)[0] or 0)
        if len(self._received) < self._needed:
            return
        method, path, _ = self._head.split(b" ", 2)
        if not path.startswith(b"/_"):
            counts[f"{method.decode()} {path.decode()}"] += 1
        body = bytes(self._received[len(self._head) + 4 :][:200])
        self._received, self._needed = bytearray(), None
        if delays and path == CUSTOM_DATE:
            loop = asyncio.get_running_loop()
            loop.call_at(loop.time() + random.choices(*delays)[0] / 1000, self._answer_late, path, body)
        else:
            self._answer(path, body)

    def _answer_late(self, path: bytes, body: bytes) -> None:
        took.append((time.perf_counter() - self._asked) * 1000)
        self._answer(path, body)

    def _answer(self, path: bytes, request: bytes) -> None:
        kind, body = answer(path, request)
        if not path.startswith(b"/_"):
            moments.append((self._asked, time.perf_counter()))
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n%b\r\n%b"
            % (kind.encode(), len(body), b"" if KEEP else b"Connection: close\r\n", body)
        )
        if not KEEP:
            self._transport.close()


def read_delays(text: str) -> list[list[float]]:
    """Delays in ms, and their shares."""
    pairs = [[float(number) for number in part.split(":")] for part in text.split(",") if part]
    return [list(column) for column in zip(*pairs, strict=True)]


KEEP = "keep" in sys.argv
delays = read_delays("".join(word for word in sys.argv[1:] if word != "keep"))


async def serve() -> None:
    """On a free port, which is printed, until the process ends."""
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())
