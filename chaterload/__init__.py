"""What the locustfile stands on: a load test of Chater UI that judges what it sees."""

__version__ = "1.0.0"
