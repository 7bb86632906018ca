"""The defaults for --otel."""

import os

from chaterload.run.telemetry import DEFAULTS, set_defaults


def test_the_environment_goes_first(monkeypatch):
    """What the environment says of OpenTelemetry is left as it is; the rest gets our defaults."""
    for name in DEFAULTS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    set_defaults()
    assert {name: os.environ.pop(name) for name in DEFAULTS} == DEFAULTS | {"OTEL_TRACES_EXPORTER": "console"}
