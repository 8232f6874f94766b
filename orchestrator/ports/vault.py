"""One-time credentials of an attempt."""

from typing import Protocol

from orchestrator.model.ids import AttemptId
from orchestrator.model.secret import Secret


class Vault(Protocol):
    """Makes credentials that a repeat of the same stage finds again, and nobody else can."""

    def one_time(self, attempt: AttemptId, purpose: str) -> Secret:
        """Return the attempt's credential for `purpose`: always the same one."""
        ...
