"""The schema and its revisions, run by Alembic from the package itself."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

_FOLDER: Final = Path(__file__).parent / "migrations"
#: the engine's own tables are in the same database and have a version of their own
_VERSION_TABLE: Final = "store_version"


def is_current(connection: Connection) -> bool:
    """Return whether the schema is the one this code knows, or a newer one, which it can use."""
    scripts = ScriptDirectory(str(_FOLDER))
    context = MigrationContext.configure(connection, opts={"version_table": _VERSION_TABLE})
    present = context.get_current_revision()
    older = {script.revision for script in scripts.walk_revisions()} - {scripts.get_current_head()}
    return present is not None and present not in older


def upgrade(connection: Connection) -> None:
    """Run the missing revisions within the connection's transaction."""
    scripts = ScriptDirectory(str(_FOLDER))

    def missing(heads: tuple[str, ...], _: MigrationContext) -> Iterable[MigrationStep]:
        found = scripts.iterate_revisions("head", heads, implicit_base=True)
        for script in reversed(list(found)):
            yield MigrationStep.upgrade_from_script(scripts.revision_map, script)

    options = {"version_table": _VERSION_TABLE, "fn": missing}
    context = MigrationContext.configure(connection, opts=options)
    with Operations.context(context):
        context.run_migrations()
