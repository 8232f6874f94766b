"""Reports as two files beside the attempt's logs: one for programs, one for people."""

import json
import os
import secrets
from pathlib import Path

from orchestrator.model.errors import Bug
from orchestrator.model.verdict import Blame, Ruling, Verdict
from orchestrator.ports.clock import Deadline
from orchestrator.ports.notify import Report

_NEXT = {
    Blame.PRODUCT: "Look at the tests and logs beside this file; mend the branch and ask again.",
    Blame.INFRA: "Nothing to mend in the branch: the lab's operators should look at the machines.",
    Blame.CONFIG: "Mend the request, architecture or lab file that the cause names; ask again.",
    Blame.PARTNER: "Ask the partner lab about it, or recheck the cell once it answers again.",
    Blame.ORCHESTRATOR: "Not your branch's fault: recheck the cell and tell the lab's operators.",
}
_NEXT_UNBLAMED = {
    Verdict.PASSED: "Nothing to do.",
    Verdict.FAILED: "Look at the tests and logs beside this file.",
    Verdict.BROKEN: "Nobody could tell: recheck the cell.",
    Verdict.CANCELLED: "Recheck the cell if the answer is still wanted.",
    Verdict.SKIPPED: "Nothing to do: this architecture has nothing to say about this commit.",
}


class FileNotify:
    """Writes `report.json` and `report.md` into the report's folder, each exactly once."""

    def send(self, report: Report, deadline: Deadline) -> None:
        """Write what is missing of the two files; one that exists is left as it was told."""
        deadline.check()
        folder = Path(report.folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _write_once(folder / "report.json", _for_programs(report))
            _write_once(folder / "report.md", _for_people(report))
        except OSError as error:
            msg = f"the report of {report.attempt} cannot be written to {folder}: {error.strerror}"
            raise Bug(msg) from error


def next_step(ruling: Ruling) -> str:
    """Return the sentence that tells a lieutenant what to do about `ruling`."""
    return _NEXT[ruling.blame] if ruling.blame else _NEXT_UNBLAMED[ruling.verdict]


def _for_programs(report: Report) -> str:
    ruling = report.ruling
    shape = {
        "attempt": report.attempt,
        "arch": report.arch,
        "commit": report.commit,
        "verdict": ruling.verdict.value,
        "blame": ruling.blame.value if ruling.blame else None,
        "cause": ruling.cause,
        "suspects": list(ruling.suspects),
        "lieutenants": list(report.lieutenants),
        "next": next_step(ruling),
    }
    return json.dumps(shape, indent=2, ensure_ascii=False) + "\n"


def _for_people(report: Report) -> str:
    ruling = report.ruling
    facts = [
        ("Architecture", report.arch),
        ("Commit", f"`{report.commit}`"),
        ("Verdict", f"**{ruling.verdict}**"),
        ("Blame", ruling.blame or "nobody"),
        ("Cause", " ".join(ruling.cause.split())),
        ("Machines", ", ".join(ruling.suspects)),
        ("Lieutenants", ", ".join(report.lieutenants)),
        ("Next", next_step(ruling)),
    ]
    lines = [f"- {name}: {value}" for name, value in facts if value]
    title = f"# {report.attempt}: {ruling.verdict} on {report.arch}"
    return "\n".join([title, "", *lines, ""])


def _write_once(path: Path, text: str) -> None:
    """Make `path` appear whole or not at all, and never a second time."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        draft.write_text(text, encoding="utf-8")
        os.link(draft, path)
    except FileExistsError:  # somebody told it first
        return
    finally:
        draft.unlink(missing_ok=True)
