"""What is sent for a case: its words filled in, its body serialised. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from chaterload.chater import routes
from chaterload.chater.weight import weight_body
from chaterload.contract.cases import Case

GARBAGE = b"\xff\xff garbage"

Words = Mapping[str, Any]
"""What stands for each $word of the table."""


def filled(value: Any, words: Words) -> Any:
    """`value` with its words replaced, also inside of lists and tables; a text that is a word alone keeps its type."""
    if isinstance(value, dict):
        return {name: filled(inner, words) for name, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, words) for inner in value]
    if not isinstance(value, str) or "$" not in value:
        return value
    if value in words:
        return words[value]
    for word, replacement in words.items():
        value = value.replace(word, str(replacement))
    return value


def body_of(case: Case, words: Words) -> bytes | None:
    """The body; None for a GET, and no bytes at all for a POST of nothing."""
    if case.ask.startswith("GET"):
        return None
    if case.document is not None:
        return json.dumps(filled(case.document, words)).encode()
    if case.text is not None:
        return GARBAGE if case.text == "$garbage" else case.text.encode()
    return _message(case, filled(case.send, words)) if case.send is not None else b""


def _message(case: Case, fields: dict[str, Any]) -> bytes:
    if case.route == routes.WEIGHT:
        return weight_body(fields["user_email"], fields["weight"])
    message_type = case.route.request if case.route else None
    assert message_type is not None  # a case is refused else
    message = message_type()
    for name, value in fields.items():
        kind = type(getattr(message, name))
        if kind is bytes and isinstance(value, str):
            value = value.encode()
        setattr(message, name, str(value) if kind is str else value)
    return message.SerializeToString()


def path_of(case: Case, words: Words) -> str:
    """The path, with its query."""
    path = case.ask.partition(" ")[2]
    return f"{path}?{filled(case.query, words)}" if case.query else path


def content_type_of(case: Case) -> str | None:
    """The media type of the body."""
    return case.sent_as or (case.route.content_type if case.route else None)
