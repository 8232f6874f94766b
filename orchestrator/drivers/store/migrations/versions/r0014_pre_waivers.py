"""What lieutenants say of reds."""

from orchestrator.drivers.store.migrations.ddl import run

revision = "r0014_pre_waivers"
down_revision = "r0011_pre_passes"


def upgrade() -> None:
    """Make the tables."""
    run(revision)
