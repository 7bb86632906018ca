"""The verdict as JUnit XML, the form that CI systems show: a test case for each objective."""

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from chaterload.judge.objectives import Result, State
from chaterload.judge.verdict import Outcome, describe
from chaterload.report.model import Report


def to_junit(report: Report) -> str:
    """A suite of objectives, and one of the run itself: whether it proves anything, and any regression."""
    objectives = TestSuite("objectives")
    for result in report.verdict.results:
        objectives.add_testcase(_case(result))
    run = TestSuite("run")
    run.add_testcase(_validity(report))
    for change in report.changes:
        case = TestCase(str(change.endpoint), classname="chaterload.baseline")
        if change.worse:
            case.result = [Failure(str(change))]
        run.add_testcase(case)
    document = JUnitXml("chater load test")
    for suite in (objectives, run):
        suite.timestamp = report.run.start.isoformat()
        suite.time = report.run.seconds
        document.add_testsuite(suite)
    text: bytes = document.tostring()  # type: ignore[no-untyped-call]
    return text.decode("utf-8")


def _case(result: Result) -> TestCase:
    objective = result.objective
    case = TestCase(f"{objective.endpoint} {objective.measure}", classname="chaterload.objectives")
    match result.state:
        case State.MISSED:
            case.result = [Failure(describe(result))]
        case State.NO_DATA:
            case.result = [Error(f"{result.requests} requests are too few to judge")]
        case State.NOT_APPLICABLE:
            case.result = [Skipped("the tags left it out")]
    return case


def _validity(report: Report) -> TestCase:
    case = TestCase("the run proves something", classname="chaterload.run")
    if report.verdict.outcome is Outcome.INVALID:
        case.result = [Error("; ".join(report.verdict.reasons))]
    return case
