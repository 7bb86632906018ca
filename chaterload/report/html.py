"""The verdict as one self-contained page: no script, no network."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from chaterload.judge.verdict import format_value
from chaterload.report.charts import all_charts
from chaterload.report.console import analysis_lines, writes_text
from chaterload.report.model import Report, sorted_endpoints

_templates = Environment(
    loader=PackageLoader("chaterload.report", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals.update(format_value=format_value, writes_text=writes_text, analysis_lines=analysis_lines)


def to_html(report: Report) -> str:
    """The whole page."""
    objectives = [result.objective for result in report.verdict.results]
    return _templates.get_template("page.html").render(
        report=report,
        endpoints=sorted_endpoints(report.snapshot),
        total=report.snapshot.total,
        charts=all_charts(report.history, objectives, report.analysis.curve),
    )
