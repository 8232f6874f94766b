"""Files that a reader never sees half written."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def write_atomic(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Replace `path` by `text` in one step, with the permission bits `mode`."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        file.write(text)
    draft.chmod(mode)
    draft.replace(path)


def append_record(path: Path, **fields: Any) -> None:  # noqa: ANN401  # whatever JSON can hold
    """Add one JSON line to `path`, stamped `at` with the UTC time; lines never interleave."""
    record = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), **fields}
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(handle, (json.dumps(record) + "\n").encode())
    finally:
        os.close(handle)
