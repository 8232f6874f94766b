"""The comment under a Gerrit change, in the form that reviewers' tools and dashboards parse."""

from datetime import datetime

from orchestrator.model.review import CellOpinion, Opinion
from orchestrator.model.verdict import Verdict

_WORDS = {
    Verdict.PASSED: "SUCCESS",
    Verdict.FAILED: "FAILURE",
    Verdict.SKIPPED: "SKIPPED",
}
_MINUTE = 60


def comment(opinion: Opinion, contact: str, now: datetime) -> str:
    """Return the text: first the outcome, then a row for each arch, then whom to ask."""
    if opinion.refusal:
        head = ["Build failed (check pipeline).", "", f"- smoketest {opinion.url} : ERROR "]
        head[-1] += " ".join(opinion.refusal.split())
    else:
        good = opinion.vote > 0 or not any(cell.voting for cell in opinion.cells)
        outcome = "succeeded" if good else "failed"
        head = [f"Build {outcome} (check pipeline).  {opinion.url}", ""]
        head += [_row(cell) for cell in opinion.cells]
    tail = [
        "",
        mark(opinion),
        f"{now:%Y-%m-%d %H:%M:%S} UTC. Say `recheck` for all of it, `recheck ARCH` for one.",
        f"Questions: {contact}",
    ]
    return "\n".join(head + tail)


def mark(opinion: Opinion) -> str:
    """Return the line by which we know our own comment again."""
    return f"smoketest: {opinion.key}."


def _row(cell: CellOpinion) -> str:
    word = _WORDS.get(cell.verdict or Verdict.BROKEN, "ERROR")
    minutes, seconds = divmod(round(cell.seconds), _MINUTE)
    took = f" in {minutes}m {seconds:02d}s" if cell.seconds else ""
    cause = " ".join(cell.cause.split())[:160] if word == "ERROR" else ""
    said = f" {cause}" if cause else took
    return f"- {cell.arch} {cell.url} : {word}{said}{'' if cell.voting else ' (non-voting)'}"
