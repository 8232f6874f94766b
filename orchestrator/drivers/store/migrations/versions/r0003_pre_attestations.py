"""What machines were found to be after their installs."""

from orchestrator.drivers.store.migrations.ddl import run

revision = "r0003_pre_attestations"
down_revision = "r0002_pre_causes"


def upgrade() -> None:
    """Make the table."""
    run(revision)
