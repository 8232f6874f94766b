"""A run for other people's programs: JUnit's XML and CTRF's JSON."""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from xml.etree import ElementTree as Xml

from orchestrator.model.result import Outcome, TestResult
from orchestrator.model.verdict import Verdict
from orchestrator.model.view import CellDetail, CellView, RunView

#: what XML cannot hold
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CTRF = {
    Outcome.PASSED: "passed",
    Outcome.FAILED: "failed",
    Outcome.SKIPPED: "skipped",
    Outcome.ERROR: "failed",
}
#: how a cell that has no tests of its own counts as one
_WHOLE = {
    Verdict.PASSED: Outcome.PASSED,
    Verdict.SKIPPED: Outcome.SKIPPED,
    Verdict.CANCELLED: Outcome.SKIPPED,
}


class Format(StrEnum):
    """What a run can be written as."""

    JUNIT = "junit"
    CTRF = "ctrf"


def junit(run: RunView, cells: Sequence[CellDetail]) -> str:
    """Return the run as JUnit XML: a suite for each cell that is done."""
    root = Xml.Element("testsuites", name=f"smoketest run {run.run}")
    for detail in _done(cells):
        tests = _tests(detail)
        suite = Xml.SubElement(
            root,
            "testsuite",
            name=detail.cell.arch,
            tests=str(len(tests)),
            failures=str(sum(t.outcome is Outcome.FAILED for t in tests)),
            errors=str(sum(t.outcome is Outcome.ERROR for t in tests)),
            skipped=str(sum(t.outcome is Outcome.SKIPPED for t in tests)),
            time=f"{sum(t.seconds for t in tests):.3f}",
        )
        _properties(suite, run, detail.cell)
        for test in tests:
            _case(suite, detail.cell.arch, test)
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def ctrf(run: RunView, cells: Sequence[CellDetail]) -> dict[str, object]:
    """Return the run as CTRF (ctrf.io) has it; times in milliseconds."""
    pairs = [(detail, test) for detail in _done(cells) for test in _tests(detail)]
    outcomes = [_CTRF[test.outcome] for _, test in pairs]
    ends = [detail.cell.updated for detail in cells if detail.cell.updated]
    return {
        "reportFormat": "CTRF",
        "specVersion": "0.0.0",
        "results": {
            "tool": {"name": "smoketest"},
            "summary": {
                "tests": len(pairs),
                "passed": outcomes.count("passed"),
                "failed": outcomes.count("failed"),
                "skipped": outcomes.count("skipped"),
                "pending": 0,
                "other": 0,
                "start": int(run.asked_at.timestamp() * 1000),
                "stop": int(max(ends, default=run.asked_at).timestamp() * 1000),
            },
            "environment": {
                "repositoryName": run.repo,
                "branchName": run.ref,
                "commit": run.commit,
                "buildNumber": str(run.run),
                "buildUrl": run.url,
            },
            "tests": [
                {
                    "name": test.name,
                    "status": _CTRF[test.outcome],
                    "duration": round(test.seconds * 1000),
                    "suite": detail.cell.arch,
                    "message": test.message,
                }
                for detail, test in pairs
            ],
        },
    }


def _done(cells: Sequence[CellDetail]) -> Iterator[CellDetail]:
    return (detail for detail in cells if detail.cell.verdict)


def _tests(detail: CellDetail) -> tuple[TestResult, ...]:
    """Return the deciding attempt's tests, and the cell itself where these do not tell it."""
    tests = detail.attempts[-1].tests if detail.attempts else ()
    verdict = detail.cell.verdict or Verdict.BROKEN
    red = any(t.outcome in {Outcome.FAILED, Outcome.ERROR} for t in tests)
    if tests and red is (verdict is Verdict.FAILED):
        return tests
    outcome = Outcome.FAILED if verdict is Verdict.FAILED else _WHOLE.get(verdict, Outcome.ERROR)
    whole = TestResult(name="cell", outcome=outcome, seconds=0, message=detail.cell.cause)
    return (*tests, whole)


def _properties(suite: Xml.Element, run: RunView, cell: CellView) -> None:
    values = {
        "repo": run.repo,
        "ref": run.ref,
        "commit": run.commit,
        "cell": cell.cell,
        "verdict": cell.verdict or "",
        "blame": cell.blame or "",
        "provenance": cell.provenance or "",
        "url": cell.url,
    }
    properties = Xml.SubElement(suite, "properties")
    for name, value in values.items():
        Xml.SubElement(properties, "property", name=name, value=_clean(value))


def _case(suite: Xml.Element, arch: str, test: TestResult) -> None:
    layer, _, name = test.name.rpartition("::")
    case = Xml.SubElement(
        suite,
        "testcase",
        classname=_clean(f"smoketest.{arch}.{layer.replace('::', '.') or 'cell'}"),
        name=_clean(name),
        time=f"{test.seconds:.3f}",
    )
    tags = {Outcome.FAILED: "failure", Outcome.ERROR: "error", Outcome.SKIPPED: "skipped"}
    if tag := tags.get(test.outcome):
        Xml.SubElement(case, tag, message=_clean(test.message))


def _clean(text: str) -> str:
    return _UNWRITABLE.sub("?", text)
