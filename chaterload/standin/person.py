"""The endpoints about whoever eats: weight, language, drinks, feedback, signing in."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from flask import Response

from chaterload.chater.tokens import ALGORITHM, make_token, signing_key
from chaterload.chater.weight import ServedWeight
from chaterload.chater.wire import GRPC, JSON
from chaterload.standin.chater import Call, now_ms
from chaterload.standin.wire import GaveUp, Refusal, day_of, json_answer, message, read_grpc, text
from proto.alcohol_pb2 import (
    AlcoholDaySummary,
    AlcoholEvent,
    GetAlcoholLatestResponse,
    GetAlcoholRangeRequest,
    GetAlcoholRangeResponse,
)
from proto.feedback_pb2 import FeedbackRequest, FeedbackResponse
from proto.manual_weight_pb2 import ManualWeightResponse
from proto.set_language_pb2 import SetLanguageRequest, SetLanguageResponse

PROVIDERS = ("google", "apple")
TOKEN_LIFETIME = timedelta(days=365)


def manual_weight(call: Call) -> Response:
    """Keeps a weight of the account that the body names, whoever asks. It waits for nobody."""
    sent = read_grpc(ServedWeight, call.body)
    call.chater.records.note(sent.user_email or call.email, "weights", sent.weight)
    if sent.user_email and sent.weight:
        call.chater.writes.weight(sent.user_email, sent.weight, now_ms())
    return message(ManualWeightResponse(success=True), GRPC)


def set_language(call: Call) -> Response:
    """The language of the answers; an empty request is as good as any."""
    sent = read_grpc(SetLanguageRequest, call.body, empty=True)
    call.note("languages", {"user_email": sent.user_email, "language_code": sent.language_code})
    call.chater.ask_backend()
    return message(SetLanguageResponse(success=True), GRPC)


def alcohol_latest(call: Call) -> Response:
    """What was drunk today."""
    account = call.account
    call.chater.ask_backend()
    today = datetime.now(UTC).date().isoformat()
    drinks = account.drinks_between(today, today)
    summary = AlcoholDaySummary(
        total_drinks=len(drinks),
        total_calories=sum(drink.calories for drink in drinks),
        drinks_of_day=[drink.drink_name for drink in drinks],
    )
    return message(GetAlcoholLatestResponse(today_summary=summary), GRPC)


def alcohol_range(call: Call) -> Response:
    """What was drunk between two days; the backend never answers where one of them is missing."""
    sent = read_grpc(GetAlcoholRangeRequest, call.body, empty=True)
    call.note("alcohol_ranges", [sent.start_date, sent.end_date])
    call.chater.ask_backend()
    if not (sent.start_date and sent.end_date):
        raise GaveUp
    first, last = day_of(sent.start_date), day_of(sent.end_date)
    drinks = call.account.drinks_between(first.isoformat(), last.isoformat()) if first and last else []
    return message(GetAlcoholRangeResponse(events=[AlcoholEvent(**drink.event()) for drink in drinks]), GRPC)


def feedback(call: Call) -> Response:
    """A word to the makers."""
    sent = read_grpc(FeedbackRequest, call.body)
    if not sent.feedback.strip():
        raise Refusal(Response(status=400, content_type=GRPC))
    call.note("feedback", {"time": sent.time, "userEmail": sent.userEmail, "feedback": sent.feedback})
    call.chater.ask_backend()
    return message(FeedbackResponse(success=True), GRPC)


def check_token(call: Call) -> Response:
    """Nothing but the token is looked at, and nobody behind the front door is asked."""
    return json_answer({"message": "Token is valid"})


def sign_in(call: Call) -> Response:
    """A token in exchange for an ID token, which here is one that the stand-in's own secret signed."""
    told = _sign_in_fields(call)
    if told["provider"] not in PROVIDERS:
        raise Refusal(_sign_in_error(400, "invalid_provider", "The provider must be google or apple"))
    options = call.chater.options
    if not _is_signed(told["idToken"], options.secret):
        raise Refusal(_sign_in_error(401, "invalid_token", "No provider signed this idToken"))
    email, name, picture = told["email"], told.get("name", ""), told.get("profilePictureURL", "")
    sent = {"provider": told["provider"], "email": email, "name": name, "profilePictureURL": picture}
    call.chater.records.note(str(email), "auth", sent)
    answer = {
        "token": make_token(options.secret, str(email), TOKEN_LIFETIME),
        "expiresIn": int(TOKEN_LIFETIME.total_seconds()),
        "userEmail": email,
        "userName": name,
        "profilePictureURL": picture,
    }
    return json_answer(answer)


def _sign_in_fields(call: Call) -> dict[str, Any]:
    """The JSON object of a sign-in, with the three fields that it takes."""
    try:
        told = json.loads(call.body) if call.media_type == JSON else None
    except (ValueError, RecursionError):
        told = None
    if told is None:
        raise Refusal(_sign_in_error(500, "internal_error", "The request could not be read"))
    if not isinstance(told, dict):
        raise Refusal(text("Failed"))
    if not all(told.get(name) for name in ("provider", "idToken", "email")):
        raise Refusal(_sign_in_error(400, "invalid_request", "A field is missing"))
    return told


def _is_signed(id_token: object, secret: str) -> bool:
    """Whether the ID token stands in for one that a provider signed."""
    if not isinstance(id_token, str):
        return False
    try:
        jwt.decode(id_token, signing_key(secret), algorithms=[ALGORITHM], options={"verify_aud": False})
    except jwt.InvalidTokenError:
        return False
    return True


def _sign_in_error(status: int, error: str, explanation: str) -> Response:
    return json_answer({"error": error, "message": explanation}, status)
