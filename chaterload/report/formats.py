"""The formats of a report, each declared once: its option, its file in a folder of --results, and what makes it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name

from chaterload.report.files import write_whole
from chaterload.report.folder import could_write
from chaterload.report.model import Report


@dataclass(frozen=True)
class ReportFormat:
    """One way to write a report into a file."""

    name: str
    what: str
    """What its file is, for the help."""
    file_name: str
    """In a folder of --results."""
    writer: str
    """The function that makes the text, as module:name. It is imported when it is needed: charts and templates take
    time that a start should not."""

    @property
    def option(self) -> str:
        return f"--verdict-{self.name}"

    @property
    def destination(self) -> str:
        """Where the parsed options hold the file's path."""
        return f"verdict_{self.name}"

    @property
    def variable(self) -> str:
        return f"TEST_VERDICT_{self.name.upper()}"

    def text(self, report: Report) -> str:
        """The whole file."""
        make: Callable[[Report], str] = resolve_name(self.writer)
        return make(report)

    def write(self, path: Path, report: Report) -> None:
        """OSError when it cannot be written."""
        write_whole(path, self.text(report))


def import_writers() -> None:
    """Import what the end of a run needs, before its load: meanwhile, the files on the disk may change."""
    others = (_INDEX_WRITER, "chaterload.report.console", "prometheus_client.parser")
    for module in (*(known.writer for known in FORMATS), *others):
        resolve_name(module)


MARKDOWN = ReportFormat("markdown", "Markdown", "verdict.md", "chaterload.report.markdown:to_markdown")

FORMATS = (
    ReportFormat("text", "text, as on the terminal", "verdict.txt", "chaterload.report.console:to_text"),
    ReportFormat("html", "a page", "verdict.html", "chaterload.report.html:to_html"),
    ReportFormat("junit", "JUnit XML", "verdict.xml", "chaterload.report.junit:to_junit"),
    MARKDOWN,
    ReportFormat("json", "JSON", "verdict.json", "chaterload.report.model:to_json_text"),
)

_INDEX_WRITER = "chaterload.report.history:update_index"


def keep_history(parent: Path) -> None:
    """Bring the page of all runs in a folder of --results up to date. Where that fails, the log says so."""
    update_index: Callable[[Path], Path] = resolve_name(_INDEX_WRITER)
    could_write(f"The index of {parent}", lambda: update_index(parent))


JOB_SUMMARY = "GITHUB_STEP_SUMMARY"
"""The variable by which GitHub tells a job the file that its page shows."""


def add_to_job_summary(report: Report, environ: Mapping[str, str]) -> None:
    """Append the verdict to the summary of a GitHub job, where there is one.

    Nobody asked us for it by an option: where it fails, the log says so, and the exit code stays.
    """
    path = environ.get(JOB_SUMMARY)
    if path:
        could_write(f"{JOB_SUMMARY} {path!r}", lambda: _append(Path(path), MARKDOWN.text(report)))


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
