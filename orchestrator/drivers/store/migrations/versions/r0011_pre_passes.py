"""When the last scheduling pass was."""

from orchestrator.drivers.store.migrations.ddl import run

revision = "r0011_pre_passes"
down_revision = "r0010_pre_reviews"


def upgrade() -> None:
    """Make the table."""
    run(revision)
