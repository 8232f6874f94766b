"""Leases have a term, and heartbeats renew them."""

from orchestrator.drivers.store.migrations.ddl import run

revision = "r0018_pre_terms"
down_revision = "r0013_pre_accounts"


def upgrade() -> None:
    """Add the columns."""
    run(revision)
