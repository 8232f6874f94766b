"""How PostgreSQL finds the rows that a writer changes."""

from pathlib import Path

import pytest
from sqlalchemy import text

from orchestrator.drivers.store.opened import open_store
from tests.contract.storing import KINDS, database, start

pytestmark = pytest.mark.skipif("postgresql" not in KINDS, reason="no PostgreSQL server here")


def test_rows_are_found_by_their_keys_even_while_a_table_is_so_small_that_all_is_sooner_read(
    tmp_path: Path,
) -> None:
    """The plan is kept when the table has grown."""
    with database("postgresql", tmp_path) as url:
        store = open_store(url)
        start(store)
        with store.database.whole() as connection:
            connection.execute(text("analyze"))
            rows = connection.execute(text("explain select state from attempts where id = '1'"))
            told = "\n".join(row[0] for row in rows)
        store.database.close()
    assert "Index" in told, told
    assert "Seq Scan" not in told, told
