"""What Locust's pages may load and run."""

import base64
import hashlib
import re

import pytest

from chaterload.report import tab
from chaterload.report.formats import FORMATS
from chaterload.run.lifecycle import Phase
from chaterload.web.pages import add_downloads, add_tab, policy
from tests.report.conftest import make_report
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


def test_the_verdict_as_files(make: Make) -> None:
    """Each format of the last run's verdict is a file to keep; before it there is a sentence instead."""
    site = make()
    add_downloads(site.web_ui, site.control, "/load")
    client = site.client()
    for known in FORMATS:
        site.control.report, site.control.phase = None, Phase.IDLE
        answer = client.get(f"/load/{known.file_name}", headers=OWN)
        assert (answer.status_code, answer.text) == (404, "There is no verdict yet: no run has ended.\n")
        site.control.phase = Phase.RUNNING
        assert client.get(f"/load/{known.file_name}", headers=OWN).text == "There is no verdict yet: a run goes on.\n"
        site.control.report = report = make_report(weight_ms=900)
        answer = client.get(f"/load/{known.file_name}", headers=OWN)
        assert answer.data == known.text(report).encode()
        name = f"2026-03-01T12-00-00Z-{known.file_name}"
        assert answer.headers["Content-Disposition"] == f"attachment; filename={name}"


def test_files_need_a_login(make: Make) -> None:
    """Where the web UI asks for a login, the verdict's files do as well."""
    site = make(login=True)
    add_downloads(site.web_ui, site.control, "")
    site.control.report = make_report()
    for known in FORMATS:
        answer = site.client().get(f"/{known.file_name}", headers=OWN)
        assert (answer.status_code, answer.location.partition("?")[0]) == (302, "/login")


def test_the_tabs_look(make: Make) -> None:
    """Locust's page has the links to the files, and our script and style, which its policy lets run."""
    site = make()
    add_tab(site.web_ui, site.control)
    answer = site.client().get("/", headers=OWN)
    page = answer.get_data(as_text=True)
    assert all(link["title"] in page for link in tab.DOWNLOADS)
    (ours,) = (script for script in re.findall(r"<script>(.*?)</script>", page, re.DOTALL) if "data-sortkey" in script)
    digest = base64.b64encode(hashlib.sha256(ours.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in answer.headers["Content-Security-Policy"]
