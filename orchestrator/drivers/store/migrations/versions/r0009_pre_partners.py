"""Partners that come to us, tokens, and what Jenkins clients asked for."""

from orchestrator.drivers.store.migrations.ddl import run

revision = "r0009_pre_partners"
down_revision = "r0008_pre_walks"


def upgrade() -> None:
    """Make the tables."""
    run(revision)
