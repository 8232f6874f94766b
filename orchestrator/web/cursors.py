"""Pages of long lists: a cursor says where the next one begins, and `Link` leads there.

A cursor holds the place of the last thing that was shown, never a count: whatever is added
meanwhile, nothing is shown twice and nothing left out.
"""

import base64
import json
import re
from binascii import Error
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request, Response

from orchestrator.model.errors import ConfigError
from orchestrator.model.ids import CellId, RunId

_RUN = re.compile(r"[0-9]{1,10}")


class BadCursor(ConfigError):
    """A cursor that this list never gave out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in a list somebody is, and the answer that says how it goes on."""

    cursor: str
    request: Request
    response: Response

    def number(self, of: str) -> int | None:
        """Return the number that the cursor of that list holds, None for an empty one."""
        found = self._read(of)
        if found is None:
            return None
        if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < 2**62:
            raise _bad()
        return found

    def run(self) -> RunId | None:
        """Return the run that the cursor of a list of runs holds, None for an empty one."""
        found = self.number("runs")
        return None if found is None else RunId(found)

    def text(self, of: str) -> str | None:
        """Return the name that the cursor of that list holds, None for an empty one."""
        found = self._read(of)
        if found is None:
            return None
        if not isinstance(found, str) or not found.isprintable() or not found:
            raise _bad()
        return found

    def cell(self, of: str) -> CellId | None:
        """Return the cell (or attempt) that the cursor holds, None for an empty one."""
        found = self.text(of)
        if found is None:
            return None
        run, _, rest = found.partition("/")
        if not (_RUN.fullmatch(run) and rest):
            raise _bad()
        return CellId(found)

    def lead_on(self, of: str, last: int | str | None) -> None:
        """Say in the answer where the list goes on after `last`; nothing at its end."""
        if last is None:
            return
        told = json.dumps([of, last], separators=(",", ":")).encode()
        cursor = base64.urlsafe_b64encode(told).decode().rstrip("=")
        url = self.request.url.include_query_params(cursor=cursor)
        self.response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'

    def _read(self, of: str) -> object:
        if not self.cursor:
            return None
        try:
            padded = self.cursor + "=" * (-len(self.cursor) % 4)
            found = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        except (Error, ValueError, RecursionError):
            raise _bad() from None
        if not isinstance(found, list) or len(found) != 2 or found[0] != of:  # a pair
            raise _bad()
        return found[1]


async def _place(
    request: Request,
    response: Response,
    cursor: Annotated[
        str,
        Query(
            max_length=500,
            description="where the list goes on, as the `Link` of the answer before says it; "
            "empty: from its beginning",
        ),
    ] = "",
) -> Place:
    return Place(cursor=cursor, request=request, response=response)


#: annotate a route's parameter with it to give a list in pages
PlaceHere = Annotated[Place, Depends(_place)]


def _bad() -> BadCursor:
    return BadCursor(
        "cursor: this list gave out no such one; ask without it and follow the answers' Link"
    )
