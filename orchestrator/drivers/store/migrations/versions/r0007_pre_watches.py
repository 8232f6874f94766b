"""How far watches of repositories got."""

from orchestrator.drivers.store.migrations.ddl import run

revision = "r0007_pre_watches"
down_revision = "r0006_pre_notices"


def upgrade() -> None:
    """Make the table."""
    run(revision)
