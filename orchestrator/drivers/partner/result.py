"""What a partner's build left: its verdict, test report, console and files, taken in with care."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from orchestrator.drivers.partner.conversation import Absent, Conversation
from orchestrator.model.errors import PartnerError
from orchestrator.model.partner import Answer, Artifact, Claim
from orchestrator.model.result import Outcome, TestResult
from orchestrator.model.secret import Secret, mask

CONSOLE = "partner-console.log"
#: bytes of a console that are read, and that are kept of its end
CONSOLE_MOST, CONSOLE_TAIL = 64 << 20, 256 << 10
#: how many artifacts are kept, and bytes of each
FILES_MOST, FILE_MOST = 20, 16 << 20
#: characters of one test's message
MESSAGE_MOST = 500

_OUTCOMES = {
    "PASSED": Outcome.PASSED,
    "FIXED": Outcome.PASSED,
    "FAILED": Outcome.FAILED,
    "REGRESSION": Outcome.FAILED,
    "SKIPPED": Outcome.SKIPPED,
}


def answer_of(
    partner: str,
    result: str,
    report: Mapping[str, Any] | None,
    artifacts: Sequence[Artifact],
    about: tuple[str | None, str | None],
) -> Answer:
    """Return the answer; `about` is the key and commit that the build says it was for."""
    if result not in set(Claim):
        raise PartnerError(f"{partner} says {result!r}, which is no result of a build")
    key, commit = about
    return Answer(
        claim=Claim(result),
        tests=tests_of(partner, report) if report is not None else None,
        artifacts=tuple(artifacts),
        key=key or "",
        commit=commit or "",
    )


def tests_of(partner: str, report: Mapping[str, Any]) -> tuple[TestResult, ...]:
    """Return the cases of Jenkins' test report; raise `PartnerError` if it makes no sense."""
    try:
        cases = [case for suite in report.get("suites") or () for case in suite.get("cases") or ()]
        return tuple(map(_test, cases))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise PartnerError(f"{partner} sent a test report that cannot be read ({error})") from error


def _test(case: Mapping[str, Any]) -> TestResult:
    outcome = _OUTCOMES[case["status"]]
    said = case.get("errorDetails") or case.get("errorStackTrace") or case.get("skippedMessage")
    name = ".".join(filter(None, (case.get("className"), case["name"])))
    first = str(said or "").strip().split("\n")[0][:MESSAGE_MOST]
    return TestResult(
        name=str(name)[:MESSAGE_MOST],
        outcome=outcome,
        seconds=float(case.get("duration") or 0),
        message="" if outcome is Outcome.PASSED else first,
    )


def keep_console(talk: Conversation, build: str, folder: Path, secrets: Iterable[Secret]) -> None:
    """Keep the end of the build's console."""
    tail = b""
    try:
        for part in talk.stream(f"{build}/consoleText", CONSOLE_MOST):
            tail = (tail + part)[-CONSOLE_TAIL:]
    except Absent:
        tail = b"(the partner shows no console)\n"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONSOLE).write_text(mask(tail.decode(errors="replace"), secrets))


def keep_artifacts(
    talk: Conversation, build: str, listed: Iterable[Mapping[str, Any]], folder: Path
) -> tuple[Artifact, ...]:
    """Fetch the build's files into `partner/`, each with its checksum; raise `Absent`."""
    found = []
    for entry in list(listed)[:FILES_MOST]:
        name = str(entry.get("relativePath") or "")
        path = PurePosixPath(name)
        if not name or path.is_absolute() or ".." in path.parts or len(name) > MESSAGE_MOST:
            continue  # nobody's name leads out of the folder
        kept = folder / "partner" / path
        kept.parent.mkdir(parents=True, exist_ok=True)
        digest, size = sha256(), 0
        with kept.open("wb") as file:
            for part in talk.stream(f"{build}/artifact/{quote(name)}", FILE_MOST):
                digest.update(part)
                size += file.write(part)
        found.append(Artifact(name=name, size=size, sha256=digest.hexdigest()))
    return tuple(found)
