"""From numbers to a verdict. Pure: no Locust, no gevent, no network, no files but objectives.toml."""
