"""When everybody was told why they wait, and who was promised a time."""

from orchestrator.drivers.store.migrations.ddl import run

revision = "r0019_pre_telling"
down_revision = "r0018_pre_terms"


def upgrade() -> None:
    """Make the columns and the index."""
    run(revision)
