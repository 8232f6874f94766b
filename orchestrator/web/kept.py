"""The files that attempts keep, as bytes that no browser will run."""

from pathlib import PurePosixPath
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from orchestrator.web.addresses import AttemptHere
from orchestrator.web.house import Here

routes = APIRouter(prefix="/api")

#: what is handed to a browser to keep rather than to show
_PACKED = frozenset({".gz", ".tgz", ".xz", ".zst", ".bz2", ".zip", ".tar"})
_PART = 1 << 20


@routes.get("/files/{run}/{arch}/{number}/{name:path}", response_class=Response)
def file(
    house: Here,
    attempt: AttemptHere,
    name: Annotated[str, Path(max_length=250, pattern=r"^[^\x00-\x1f]+$")],
    offset: Annotated[int, Query(ge=0, lt=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=16 * _PART)] = 4 * _PART,
) -> Response:
    """Return up to `limit` bytes from `offset`; fewer (or none) at the end of the file."""
    body = house.files.read(attempt, name, offset, limit)
    headers = {"Cache-Control": "no-cache", "Content-Security-Policy": "sandbox"}
    if PurePosixPath(name).suffix in _PACKED:
        saved = quote(PurePosixPath(name).name)
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{saved}"
        return Response(body, media_type="application/octet-stream", headers=headers)
    return Response(body, media_type="text/plain; charset=utf-8", headers=headers)
