"""Why attempts wait, and everybody's fair share."""

from orchestrator.drivers.store.migrations.ddl import run

revision = "r0005_pre_shares"
down_revision = "r0004_pre_alternatives"


def upgrade() -> None:
    """Add the column and the table."""
    run(revision)
