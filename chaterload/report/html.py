"""The verdict as one self-contained page: no script, no network."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from chaterload.judge import numbers
from chaterload.report.charts import all_charts
from chaterload.report.console import writes_texts
from chaterload.report.model import Report, sorted_endpoints
from chaterload.report.reading import analysis_lines, event_lines, unanswered_lines
from chaterload.report.rows import CHANGE_COLUMNS, change_cells, to_rows

_templates = Environment(
    loader=PackageLoader("chaterload.report", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals.update(
    percent=numbers.percent,
    signed=numbers.change,
    milliseconds=numbers.milliseconds,
    rate=numbers.rate,
    clock=numbers.clock,
    writes_texts=writes_texts,
    change_columns=CHANGE_COLUMNS,
    change_cells=change_cells,
    analysis_lines=analysis_lines,
    unanswered_lines=unanswered_lines,
    event_lines=event_lines,
)
_PAGE = _templates.get_template("page.html")


def to_html(report: Report) -> str:
    """The whole page."""
    objectives = [result.objective for result in report.verdict.results]
    return _PAGE.render(
        report=report,
        rows=to_rows(report.verdict.results),
        endpoints=sorted_endpoints(report.snapshot),
        total=report.snapshot.total,
        charts=all_charts(report.history, objectives, report.analysis.curve),
    )
