"""Facts of Chater UI's wire that its messages do not tell."""

import re

PROTOBUF = "application/protobuf"
GRPC = "application/grpc+proto"
JSON = "application/json"

DAY_MS = 86_400_000
"""A dish belongs to the UTC day of its time: time // DAY_MS, counted from 1970."""

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def head_line(name: str, value: str) -> bytes:
    """One line of a request's head. ValueError, which does not tell the value, when it would be more than one."""
    if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
        raise ValueError(f"holds characters that the header {name!r} may not have")
    return f"{name}: {value}\r\n".encode("latin-1")
