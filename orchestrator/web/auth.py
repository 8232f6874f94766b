"""Who may write: whoever knows this orchestrator's token."""

import secrets
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Header, HTTPException

from orchestrator.web.house import Here, House


def check_token(house: House, authorization: str) -> None:
    """Raise `HTTPException` 401 unless the header `authorization` holds the house's token."""
    scheme, _, given = authorization.partition(" ")
    token = house.token.reveal().encode()
    known = bool(token) and secrets.compare_digest(given.strip().encode(), token)
    if scheme.lower() != "bearer" or not known:
        raise HTTPException(
            HTTPStatus.UNAUTHORIZED,
            "this needs the orchestrator's token as `Authorization: Bearer TOKEN`; it is in "
            "server.json in the orchestrator's home folder, where smoketest reads it",
            headers={"WWW-Authenticate": "Bearer"},
        )


async def _writer(house: Here, authorization: Annotated[str, Header()] = "") -> None:
    check_token(house, authorization)


#: the dependency of every route that changes something
Writer = Depends(_writer)
