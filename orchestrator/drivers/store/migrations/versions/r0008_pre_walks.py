"""Workers, and which of them walks an attempt."""

from orchestrator.drivers.store.migrations.ddl import run

revision = "r0008_pre_walks"
down_revision = "r0007_pre_watches"


def upgrade() -> None:
    """Make the table and the columns."""
    run(revision)
