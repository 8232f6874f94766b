"""The fields of a form that a page of ours sent."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, HTTPException, Request

#: bytes of a form; patches are what is large
LARGEST = 1 << 20
_MOST = 1000


async def _fields(request: Request) -> Mapping[str, str]:
    known = getattr(request.state, "form", None)
    if isinstance(known, Mapping):
        return known
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            raise HTTPException(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "a form holds at most 1 MiB; the command line takes larger patches",
            )
    try:
        pairs = parse_qsl(body.decode(errors="replace"), max_num_fields=_MOST)
    except ValueError as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"at most {_MOST} fields") from error
    return dict(pairs)


#: annotate a route's parameter with it to be given the form's fields; of a repeated one the last
Fields = Annotated[Mapping[str, str], Depends(_fields)]
