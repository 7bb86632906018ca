"""Markdown as GitHub shows it."""

import logging
import re

from chaterload.report.formats import JOB_SUMMARY, add_to_job_summary
from chaterload.report.markdown import to_markdown

from .conftest import LOSSES, NASTY, SAME, WORSE, make_report


def test_all_is_there():
    """The verdict is the heading; reasons, objectives, writes, comparison and diagnosis follow."""
    text = to_markdown(make_report(weight_ms=900, failures=20, baseline=[WORSE, SAME], writes=LOSSES))
    assert text.startswith("## ❌ FAIL: load test of http\\:\\/\\/127")
    plain = text.replace("\\", "")
    for part in (
        "- 2 of the acknowledged dishes are lost: they did not show within 10.1 s\n",
        "- POST /manual_weight: p95 is 900 ms, expected below 500 ms\n",
        "20 users, 30 s, 240 requests at 8.0 req/s (below low), 8.3 % failed (critical). Exit code 3.",
        "| POST /manual_weight p95 | below 500 ms | 900 ms | 120 | ✗ missed | -80 % |",
        "- Silence: the longest time without any answer while requests were open: below 1 s",
        "- dishes 45 acknowledged / 43 confirmed, 2 lost",
        "| POST /manual_weight | 100 ms | 400 ms | +300 % | 0 % | 0 % | worse |",
        "- 20 x server error at GET /eater_get_today. Status 500 came first. Usually the server failed",
    ):
        assert part in plain, part


def test_nothing_is_taken_for_markup():
    """What a reason or a host holds is text: no tag, no link, no emphasis, no further cell or line."""
    nasty = NASTY + " *a* _b_ `c` [d](http://e) | f \n# g @h"
    text = to_markdown(make_report(invalid=[nasty], host=nasty))
    assert "<script" not in text
    assert not re.search(r"(?<!\\)[*_`\[|#@]", text.split("\n\n")[1])
    assert text.count("\n#") == 0


def test_a_jobs_summary(tmp_path, caplog):
    """On GitHub the verdict is appended to what the job's summary holds already; elsewhere nothing is written."""
    path = tmp_path / "summary.md"
    path.write_text("# before\n")
    report = make_report()
    add_to_job_summary(report, {})
    add_to_job_summary(report, {JOB_SUMMARY: ""})
    add_to_job_summary(report, {JOB_SUMMARY: str(path)})
    assert path.read_text(encoding="utf-8") == "# before\n" + to_markdown(report)
    with caplog.at_level(logging.ERROR):
        add_to_job_summary(report, {JOB_SUMMARY: str(tmp_path)})
    assert "could not be written" in caplog.messages[0]
