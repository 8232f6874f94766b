"""How a revision changes the schema: a `.sql` file of its own name.

A revision is a module `rNNNN_pre_*.py` or `rNNNN_post_*.py` in `versions/` and a file of the same
name here, ending in `.sql`. A `pre` revision only adds: code of the release before goes on working
on it. A `post` revision removes what no code that may still be running reads; it ships one release
after the code that stopped reading it.
"""

from pathlib import Path

from alembic import op
from sqlalchemy import text

_FOLDER = Path(__file__).parent


def run(revision: str) -> None:
    """Run every statement of the revision's file in the migration's transaction."""
    for statement in statements((_FOLDER / f"{revision}.sql").read_text("utf-8")):
        op.execute(text(statement))


def statements(script: str) -> tuple[str, ...]:
    """Return the script's statements, without its comment lines."""
    lines = (line for line in script.splitlines() if not line.lstrip().startswith("--"))
    parts = (part.strip() for part in "\n".join(lines).split(";"))
    return tuple(part for part in parts if part)
