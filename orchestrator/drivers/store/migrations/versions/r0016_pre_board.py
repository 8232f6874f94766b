"""What pages and API read in one look."""

from orchestrator.drivers.store.migrations.ddl import run

revision = "r0016_pre_board"
down_revision = "r0014_pre_waivers"


def upgrade() -> None:
    """Make the indices, and the place for what an attempt came to."""
    run(revision)
