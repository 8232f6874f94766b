"""Changes under review."""

from orchestrator.drivers.store.migrations.ddl import run

revision = "r0010_pre_reviews"
down_revision = "r0009_pre_partners"


def upgrade() -> None:
    """Make the tables."""
    run(revision)
