"""What each lane's attempts are stored with; a promoted one has less."""

from collections.abc import Mapping
from typing import Final

from orchestrator.model.request import Lane

PRIORITY: Final[Mapping[Lane, int]] = {Lane.ASKED: 0, Lane.MERGED: 10, Lane.NIGHTLY: 20}
