"""Locust's --otel, with defaults that suit a load generator; the environment goes before them."""

import os

DEFAULTS = {
    # a collector that cannot be reached holds up the end by two of these, in s
    "OTEL_EXPORTER_OTLP_TIMEOUT": "2",
    # gRPC waits outside of gevent, and with it all users do
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    # the default's limits are made for ms, and Locust measures in s
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "base2_exponential_bucket_histogram",
    # FastHttpUser makes no spans
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
}


def set_defaults() -> None:
    """Before Locust reads them."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
