"""Reads the JUnit report of a pytest run; what a cloud answered is in it, so nothing is trusted."""

import re
from pathlib import Path

from junitparser import Error, Failure, JUnitXml, JUnitXmlError, Skipped, TestCase, TestSuite

from orchestrator.model.errors import ProductFailed
from orchestrator.model.logs import REQUEST, raised
from orchestrator.model.result import Outcome, TestResult

_LARGEST = 32 * 2**20  # bytes
_LONGEST = 500  # characters of a message
_REQUESTS = 20  # of a failure; the last ones tell
_OUTCOMES = {Failure: Outcome.FAILED, Error: Outcome.ERROR, Skipped: Outcome.SKIPPED}
_FIXTURE = re.compile(r'failed on (?:setup|teardown) with "(.*)"', re.DOTALL)
_NOISE = re.compile(r"^(AssertionError|Failed|builtins\.Exception|Exception): ")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def read(path: Path) -> tuple[TestResult, ...]:
    """Return the outcome of every test, in the order they ran; one result a test.

    Raises `ProductFailed` when the report is larger than any honest answer makes it.
    """
    if path.stat().st_size > _LARGEST:
        msg = f"the tests' report grew to {path.stat().st_size >> 20} MB: the cloud floods its user"
        raise ProductFailed(msg)
    results: dict[str, TestResult] = {}
    for suite in _suites(path):
        for case in suite:
            result = _result(case)
            results.setdefault(result.name, result)  # a failure comes before its failed clean-up
    return tuple(results.values())


def headline(text: str) -> str:
    """Return the line of a failure's text that a person should read first."""
    inner = _FIXTURE.fullmatch(text.strip())
    whole = (inner[1] if inner else text).splitlines()
    lines = [_CONTROL.sub("", line).strip() for line in whole]
    if found := raised(lines):  # of a suite that only prints tracebacks
        return _NOISE.sub("", found)[:_LONGEST]
    spoken = (_NOISE.sub("", f"{line} ").strip() for line in lines)
    return next(filter(None, spoken), "")[:_LONGEST]


def _requests(text: str) -> tuple[str, ...]:
    """Return the requests to the cloud that a failure's text names, the newest first."""
    return tuple(dict.fromkeys(reversed(REQUEST.findall(text))))[:_REQUESTS]


def _suites(path: Path) -> tuple[TestSuite, ...]:
    try:
        report = JUnitXml.fromfile(str(path))
    except (JUnitXmlError, SyntaxError) as error:
        msg = f"the tests' report cannot be read ({error}): see {path}"
        raise ProductFailed(msg) from error
    return (report,) if isinstance(report, TestSuite) else tuple(report)


def _result(case: TestCase) -> TestResult:
    name = "::".join(filter(None, [*(case.classname or "").split("."), case.name]))
    for mark in case.result:
        outcome = _OUTCOMES.get(type(mark))
        if outcome:
            return TestResult(
                name=name[:_LONGEST],
                outcome=outcome,
                seconds=case.time or 0.0,
                message=headline(mark.message or mark.text or ""),
                requests=_requests(f"{mark.message}\n{mark.text}"),
            )
    return TestResult(name=name[:_LONGEST], outcome=Outcome.PASSED, seconds=case.time or 0.0)
