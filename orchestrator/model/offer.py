"""What the boot server hands to one node, once."""

import re
from dataclasses import dataclass

from orchestrator.model.ids import AttemptId
from orchestrator.model.node import Access

_PART = re.compile(r"^=== (\S+)\n", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Boot script and installer answers for one node of one attempt, under a one-time token."""

    token: str
    node: str
    mac: str
    attempt: AttemptId
    image: str
    #: the iPXE script
    script: str
    #: the installer's answers, e.g. a preseed
    answers: str
    #: public key that the installed system accepts
    public_key: str
    #: which of `script`, `kernel`, `initrd`, `answers`, `key` were fetched, in order
    fetched: tuple[str, ...] = ()
    #: set by the call-back
    access: Access | None = None


def parts(answers: str) -> dict[str, str]:
    """Return the parts of answers by name: each begins with a line `=== NAME`."""
    pieces = _PART.split(answers)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))
