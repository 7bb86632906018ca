"""The verdict as one self-contained page: one script, which stands in it, and no network."""

import base64
import hashlib
import json
from dataclasses import replace
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from chaterload.judge import numbers
from chaterload.judge.objectives import Bound
from chaterload.report import summary
from chaterload.report.charts import endpoint_charts, overview_charts
from chaterload.report.console import writes_texts
from chaterload.report.model import Report, sorted_endpoints
from chaterload.report.reading import analysis_lines, event_lines, rate_lines, unanswered_lines
from chaterload.report.rows import CHANGE_COLUMNS, change_cells, to_row

WIDEST = 1.5
"""Of a bar: so many times its limit; what is longer is cut."""


def asset(name: str) -> str:
    """A file that is written into pages as it is."""
    return (files("chaterload.report") / "assets" / name).read_text(encoding="utf-8")


SCRIPT = f"{asset('uPlot.iife.min.js')}\n{asset('page.js')}"
"""The charting library, https://github.com/leeoniya/uPlot under the MIT licence, and what uses it."""

STYLE = f"{asset('uPlot.min.css')}\n{asset('page.css')}"


def policy(script: str) -> str:
    """A content policy under which a page loads nothing, and runs this script alone."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'"


def as_json(data: Any) -> str:
    """Data for the page's script. Nothing in it can end the element that it stands in."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", r"\u003c")


def bar(value: float, limit: float) -> tuple[float, float]:
    """How long a bar is, and where on it its limit stands, in percent of the widest."""
    return min(100.0, 100 * value / (WIDEST * limit)), 100 / WIDEST


templates = Environment(
    loader=PackageLoader("chaterload.report", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,  # a run may outlast its files
)
templates.globals.update(
    style=STYLE,
    as_json=as_json,
    bar=bar,
    at_least=Bound.AT_LEAST,
    summary=summary,
    percent=numbers.percent,
    signed=numbers.change,
    milliseconds=numbers.milliseconds,
    rate=numbers.rate,
    clock=numbers.clock,
    writes_texts=writes_texts,
    change_columns=CHANGE_COLUMNS,
    change_cells=change_cells,
    unanswered_lines=unanswered_lines,
    event_lines=event_lines,
    rate_lines=rate_lines,
)
templates.get_template("chart.html")  # which the others import
_PAGE = templates.get_template("page.html")


def to_html(report: Report) -> str:
    """The whole page."""
    server = report.analysis.server
    return _PAGE.render(
        report=report,
        run=report.run,
        verdict=report.verdict,
        rows=[(result, to_row(result)) for result in report.verdict.results],
        endpoints=sorted_endpoints(report.snapshot),
        total=report.snapshot.total,
        overview=overview_charts(report),
        by_endpoint=endpoint_charts(report),
        reading=analysis_lines(replace(report.analysis, server=replace(server, times=()))),  # a table tells these
        script=SCRIPT,
        policy=policy(SCRIPT),
    )
