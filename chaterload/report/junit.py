"""The verdict as JUnit XML, the form that CI systems show: a test case for each thing that was judged.

A failure is what is proven wrong, an error what is unproven: the document as a whole says what the verdict says.
"""

import re
from collections.abc import Iterable, Mapping
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from chaterload.chater.writes import Writes
from chaterload.judge.comparison import Comparison
from chaterload.judge.objectives import Result, State
from chaterload.judge.verdict import Outcome, Verdict
from chaterload.report.console import writes_texts
from chaterload.report.model import Report, to_json

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML document can hold."""

FAILURE, ERROR, SKIPPED = "failure", "error", "skipped"
_OUTCOME = {Outcome.PASS: "", Outcome.FAIL: FAILURE, Outcome.INVALID: ERROR}


def to_junit(report: Report) -> str:
    """Suites of objectives, writes, the baseline where there is one, and the run, which ends with the verdict."""
    document = Element("testsuites", name="chater load test")
    _suite(document, report, "objectives", [_of_objective(result, report.verdict) for result in report.verdict.results])
    _suite(document, report, "writes", _of_writes(report))
    if report.comparisons:
        _suite(document, report, "baseline", [_of_change(change, report.verdict) for change in report.comparisons])
    _suite(document, report, "run", _of_run(report), _properties(report))
    _add_up(document)
    indent(document)
    return tostring(document, encoding="unicode", xml_declaration=True)


def _suite(
    document: Element, report: Report, name: str, cases: Iterable[Element], properties: Mapping[str, str] | None = None
) -> None:
    start, seconds = report.run.start.isoformat(), f"{report.run.seconds:.3f}"
    suite = SubElement(document, "testsuite", name=name, timestamp=start, time=seconds)
    if properties:
        among = SubElement(suite, "properties")
        for key, value in properties.items():
            SubElement(among, "property", name=_clean(key), value=_clean(value))
    suite.extend(list(cases))


def _add_up(document: Element) -> None:
    """Write how many cases there are of each kind, which is what many a CI system reads alone."""
    for element in (document, *document):
        element.set("tests", str(len(list(element.iter("testcase")))))
        for attribute, tag in (("failures", FAILURE), ("errors", ERROR), ("skipped", SKIPPED)):
            element.set(attribute, str(len(list(element.iter(tag)))))


def _case(
    group: str, name: str, problems: Mapping[str, Iterable[str]], told: str = "", seconds: float = 0.0
) -> Element:
    """A case with the first of its problems that has a reason, or one that passed. `told` is what it found anyhow."""
    case = Element("testcase", name=_clean(name), classname=f"chaterload.{group}", time=f"{seconds:.3f}")
    for kind, reasons in problems.items():
        if message := "; ".join(reasons):
            SubElement(case, kind, message=_clean(message))
            break
    if told:
        SubElement(case, "system-out").text = _clean(told)
    return case


def _clean(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _of_objective(result: Result, verdict: Verdict) -> Element:
    """Its time is the response time that was measured, where that is what it limits."""
    missed = FAILURE if verdict.proves(result) else ERROR
    kind = {State.MISSED: missed, State.NO_DATA: ERROR, State.NOT_APPLICABLE: SKIPPED}.get(result.state)
    seconds = (result.value or 0.0) / 1000 if result.objective.is_time else 0.0
    return _case("objectives", str(result.objective), {kind: [str(result)]} if kind else {}, str(result), seconds)


def _of_writes(report: Report) -> Iterable[Element]:
    """A case for each kind of write; skipped where none was looked for."""
    for kind, text in writes_texts(report).items():
        tally = getattr(report.writes, kind)
        lost = Writes(**{kind: tally}).missing()
        yield _case("writes", kind, {FAILURE: lost, SKIPPED: [] if tally.checked else [text]}, text)


def _measured(verdict: Verdict) -> str:
    """What a thing is that was found wrong with the load generator's clock."""
    return ERROR if verdict.evidence.generator_broken else FAILURE


def _of_change(change: Comparison, verdict: Verdict) -> Element:
    """Skipped where there were too few requests to compare."""
    problems = {_measured(verdict): [str(change)] if change.worse else [], SKIPPED: [change.word]}
    return _case("baseline", str(change.endpoint), problems)


def _of_run(report: Report) -> list[Element]:
    verdict, evidence = report.verdict, report.verdict.evidence
    regressions = {str(change) for change in report.comparisons}
    others = [reason for reason in evidence.worse if reason not in regressions]
    return [
        _case("run", "it ran to its end", {_measured(verdict): evidence.stopped_early}),
        _case("run", "the server was never silent", {_measured(verdict): evidence.silences}),
        _case("run", "nothing else is proven wrong", {_measured(verdict): others}),
        _case("run", "the load generator worked", {ERROR: evidence.generator_broken}),
        _case("run", "all that was asked for could be judged", {ERROR: evidence.unproven}),
        _case("run", "verdict", {_OUTCOME[verdict.outcome]: verdict.reasons} if verdict.reasons else {}),
    ]


def _properties(report: Report) -> dict[str, str]:
    """Verdict, figures and circumstances, as the verdict JSON has them."""
    document = to_json(report)
    run = document["run"]
    figures = ["verdict", "exit_code", "requests", "failures", "failure_ratio", "grade", "throughput_rps", "tier"]
    figures.append("longest_silence_s")
    nested = {f"{group}.{key}": value for group in ("versions", "settings") for key, value in run.pop(group).items()}
    rate = {"rate": str(report.rate)} if report.rate else {}
    known = {name: value for name, value in run.items() if value is not None}
    found = {name: document[name] for name in figures} | rate | known | nested
    return {name: " ".join(value) if isinstance(value, (list, tuple)) else str(value) for name, value in found.items()}
