"""What nodes are suspected of."""

from orchestrator.drivers.store.migrations.ddl import run

revision = "r0002_pre_causes"
down_revision = "r0001_pre_first_tables"


def upgrade() -> None:
    """Add the columns."""
    run(revision)
