"""What we add to Locust's web UI: form guard, login, /metrics."""
