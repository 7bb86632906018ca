"""The verdict as JUnit XML, the form that CI systems show: a test case for each objective."""

import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from chaterload.judge.objectives import Result, State
from chaterload.judge.verdict import Outcome
from chaterload.report.model import Report

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML document can hold."""


def to_junit(report: Report) -> str:
    """A suite of objectives, and one of the run itself: whether it proves anything, and any regression."""
    document = Element("testsuites", name="chater load test")
    _suite(document, report, "objectives", [_of_objective(result) for result in report.verdict.results])
    changes = [_case("baseline", str(c.endpoint), "failure" if c.worse else "", str(c)) for c in report.comparisons]
    _suite(document, report, "run", [_validity(report), *changes])
    _add_up(document)
    indent(document)
    return tostring(document, encoding="unicode", xml_declaration=True)


def _suite(document: Element, report: Report, name: str, cases: list[Element]) -> None:
    start, seconds = report.run.start.isoformat(), f"{report.run.seconds:.3f}"
    suite = SubElement(document, "testsuite", name=name, timestamp=start, time=seconds)
    suite.extend(cases)


def _add_up(document: Element) -> None:
    """Write how many cases there are of each kind, which is what many a CI system reads alone."""
    for element in (document, *document):
        element.set("tests", str(len(list(element.iter("testcase")))))
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            element.set(attribute, str(len(list(element.iter(tag)))))


def _case(group: str, name: str, problem: str = "", message: str = "") -> Element:
    """A case that passed, or one with a problem: failure, error or skipped."""
    case = Element("testcase", name=_clean(name), classname=f"chaterload.{group}")
    if problem:
        SubElement(case, problem, message=_clean(message))
    return case


def _clean(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _of_objective(result: Result) -> Element:
    problem, message = {
        State.MET: ("", ""),
        State.MISSED: ("failure", str(result)),
        State.NO_DATA: ("error", f"{result.requests} requests are too few to judge"),
        State.NOT_APPLICABLE: ("skipped", "the tags left it out"),
    }[result.state]
    return _case("objectives", str(result.objective), problem, message)


def _validity(report: Report) -> Element:
    problem = "error" if report.verdict.outcome is Outcome.INVALID else ""
    return _case("run", "the run proves something", problem, "; ".join(report.verdict.reasons))
