"""Attempts that go one of their arch's alternatives."""

from orchestrator.drivers.store.migrations.ddl import run

revision = "r0004_pre_alternatives"
down_revision = "r0003_pre_attestations"


def upgrade() -> None:
    """Add the columns."""
    run(revision)
