"""An index of when attempts were given their machines."""

from orchestrator.drivers.store.migrations.ddl import run

revision = "r0017_pre_granted"
down_revision = "r0016_pre_board"


def upgrade() -> None:
    """Make the index."""
    run(revision)
