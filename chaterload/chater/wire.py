"""Facts of Chater UI's wire that its messages do not tell."""

PROTOBUF = "application/protobuf"
GRPC = "application/grpc+proto"
JSON = "application/json"

DAY_MS = 86_400_000
"""A dish belongs to the UTC day of its time: time // DAY_MS, counted from 1970."""
