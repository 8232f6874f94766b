"""The first tables."""

from orchestrator.drivers.store.migrations.ddl import run

revision = "r0001_pre_first_tables"
down_revision = None


def upgrade() -> None:
    """Make them."""
    run(revision)
