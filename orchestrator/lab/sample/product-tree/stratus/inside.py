"""The control's own APIs, asked from within its process: what other front ends stand on."""

import json
from collections.abc import Iterable, Mapping

from stratus.web import Json, Request, Route, found


class Inside:
    """Asks as one who is logged in."""

    def __init__(self, routes: Iterable[Route]) -> None:
        """Know these routes."""
        self._routes = tuple(routes)

    def ask(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Json:
        """Return the JSON of the answer; raise `Refused` as the API does."""
        request = Request(
            method=method,
            path=path,
            query=query or {},
            headers={},
            body=json.dumps(body or {}).encode(),
        )
        answer, whole = found(self._routes, request)
        return answer.answer(whole).json or {}
