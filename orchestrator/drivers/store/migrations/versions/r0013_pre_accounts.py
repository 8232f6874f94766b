"""Users, sessions, and the record of changes."""

from orchestrator.drivers.store.migrations.ddl import run

revision = "r0013_pre_accounts"
down_revision = "r0017_pre_granted"


def upgrade() -> None:
    """Make the tables."""
    run(revision)
