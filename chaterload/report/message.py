"""The verdict in a few lines, for a place that holds no more."""

from chaterload.report.model import Report

MOST_BYTES = 4096
"""What Kubernetes keeps of a container's termination message."""


def to_message(report: Report) -> str:
    """Verdict, figures and reasons, in at most MOST_BYTES bytes of UTF-8."""
    total, verdict = report.snapshot.total, report.verdict
    lines = [
        f"Verdict: {verdict.outcome.upper()} (exit code {int(verdict.exit_code)})",
        f"{total.requests} requests, {report.snapshot.requests_per_second:.1f} req/s, "
        f"{total.failure_ratio:.2%} failed ({report.grade})",
        *(f"- {reason}" for reason in verdict.reasons),
    ]
    return ("\n".join(lines) + "\n").encode()[:MOST_BYTES].decode(errors="ignore")
