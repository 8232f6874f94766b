"""What people are told, and how far that came."""

from orchestrator.drivers.store.migrations.ddl import run

revision = "r0006_pre_notices"
down_revision = "r0005_pre_shares"


def upgrade() -> None:
    """Make the tables."""
    run(revision)
