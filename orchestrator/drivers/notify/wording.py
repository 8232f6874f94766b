"""Messages in words: what a person reads, whatever carries it."""

from urllib.parse import quote

from orchestrator.model.notice import Change, Message
from orchestrator.model.verdict import Verdict

_SAYS = {
    Verdict.PASSED: "passes",
    Verdict.FAILED: "fails",
    Verdict.BROKEN: "could not be judged",
    Verdict.CANCELLED: "was stopped",
    Verdict.SKIPPED: "was skipped",
}
_AGAIN = {Verdict.PASSED: "passes again"}


def headline(message: Message) -> str:
    """Return one line that says it all: the change, or how many there are of what."""
    if len(message.changes) == 1:
        return sentence(message.changes[0])
    counts = [
        f"{sum(change.verdict is verdict for change in message.changes)} {verdict}"
        for verdict in (Verdict.FAILED, Verdict.BROKEN, Verdict.PASSED)
        if any(change.verdict is verdict for change in message.changes)
    ]
    branches = dict.fromkeys(f"{change.repo}@{change.ref}" for change in message.changes)
    where = next(iter(branches)) if len(branches) == 1 else f"{len(branches)} branches"
    return f"{where}: {len(message.changes)} changes ({', '.join(counts)})"


def sentence(change: Change) -> str:
    """Return `kvm-flat fails on nova@trunk`."""
    verdict = change.verdict
    if change.silence:
        says = "got no answer from its partner, and goes another way,"
        return f"{change.arch} {says} on {change.repo}@{change.ref}"
    says = str(change.moment) if verdict is None else _SAYS[verdict]
    if verdict and change.flips:
        says = _AGAIN.get(verdict, says)
    return f"{change.arch} {says} on {change.repo}@{change.ref}"


def body(message: Message, url: str) -> str:
    """Return the text: a paragraph for each change, with where to look."""
    return "\n\n".join(_paragraph(change, url) for change in message.changes) + "\n"


def address(change: Change, url: str) -> str:
    """Return the page of the change's cell."""
    return f"{url}/cells/{change.run}/{quote(change.arch, safe='+')}"


def _paragraph(change: Change, url: str) -> str:
    cause = " ".join(change.ruling.cause.split()) if change.ruling else ""
    before = f" (before: {change.before})" if change.before else ""
    lines = [
        f"{sentence(change)}{before}",
        f"  commit {change.commit} {change.subject}".rstrip(),
        f"  cause  {cause}" if cause else "",
        f"  blame  {change.ruling.blame}" if change.ruling and change.ruling.blame else "",
        f"  asked by {change.requester}, lane {change.lane}",
        f"  {address(change, url)}",
    ]
    return "\n".join(line for line in lines if line)
