"""What Locust's pages may load and run."""

import base64
import hashlib
import re

import pytest

from chaterload.web.pages import policy
from tests.web.conftest import OWN, Make


@pytest.mark.parametrize("path", ["/", "/stats/report"])
def test_a_page_runs_its_own_scripts_alone(make: Make, path: str) -> None:
    """The policy names each script of the page by its hash, and lets no other in."""
    answer = make().client().get(path, headers=OWN)
    found = re.findall(r"<script[^>]*>(.*?)</script>", answer.get_data(as_text=True), re.DOTALL)
    scripts = [script for script in found if script]
    assert scripts
    digests = [hashlib.sha256(script.encode()).digest() for script in scripts]
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    told = answer.headers["Content-Security-Policy"]
    assert f"script-src 'self' {hashes};" in told
    assert "unsafe-eval" not in told
    assert "'unsafe-inline'" not in told.split("style-src")[0]


def test_a_page_without_scripts() -> None:
    """What is no page may run nothing but what comes from here."""
    assert "script-src 'self';" in policy(b"")


@pytest.mark.parametrize("theme", ['"; alert(1); "', "</script><script>alert(1)</script>", "dark\n", "DARK"])
def test_the_reports_theme(make: Make, theme: str) -> None:
    """What Locust would write into the report's script as it is, is one of the two themes that there are."""
    client = make().client()
    answer = client.get("/stats/report", query_string={"theme": theme}, headers=OWN)
    assert (answer.status_code, answer.mimetype) == (400, "text/plain")
    assert client.get("/stats/report", query_string={"theme": "dark"}, headers=OWN).status_code == 200
