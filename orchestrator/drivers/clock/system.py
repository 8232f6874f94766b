"""The host's clock."""

import time
from datetime import UTC, datetime


class SystemClock:
    """Tells the host's time in UTC."""

    def now(self) -> datetime:
        """Return the present, UTC-aware."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        time.sleep(max(0.0, seconds))
