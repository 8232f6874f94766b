"""What the boot server hands to one node, once."""

from dataclasses import dataclass

from orchestrator.model.ids import AttemptId
from orchestrator.model.node import Access


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
