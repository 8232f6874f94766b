"""What a request carries: forms, short JSON bodies, and tokens in its `Authorization`."""

import base64
import binascii
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, HTTPException, Request

#: bytes of a form, and how many fields
LARGEST_FORM = 1 << 20
_FIELDS = 1000
#: bytes of a body that is looked into for the record
_LARGEST_SAID = 1 << 16
_KIND = "application/x-www-form-urlencoded"


def is_form(request: Request) -> bool:
    """Return whether the request brings a form."""
    kind = request.headers.get("content-type", "")
    return request.method == "POST" and kind.startswith(_KIND)


async def given(request: Request) -> Mapping[str, str]:
    """Return the parameters of query and form; raise `HTTPException` for too many or too much."""
    return {**request.query_params, **await form(request)}


async def form(request: Request) -> Mapping[str, str]:
    """Return the fields of the form, none if there is none; it is read once, however often asked.

    Of a field that comes several times the last counts.
    """
    if not is_form(request):
        return {}
    if not hasattr(request.state, "form"):
        request.state.form = await _read(request)
    found: Mapping[str, str] = request.state.form
    return found


#: annotate a route's parameter with it to be given the form's fields; of a repeated one the last
Fields = Annotated[Mapping[str, str], Depends(form)]


async def said(request: Request) -> Mapping[str, object]:
    """Return the fields of a form or of a short JSON body, for the record; none of what is large.

    The body is kept for the route, which reads it as ever.
    """
    if is_form(request):
        return await given(request)
    size = request.headers.get("content-length", "")
    plain = request.headers.get("content-type", "").startswith("application/json")
    if not plain or not size.isdecimal() or int(size) > _LARGEST_SAID:
        return {}
    try:
        found = json.loads(await request.body())
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


async def body(request: Request) -> str:
    """Return the request's body as text; raise `HTTPException` 413 for one that is too large."""
    parts = b""
    async for part in request.stream():
        parts += part
        if len(parts) > LARGEST_FORM:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "at most 1 MiB is taken")
    return parts.decode(errors="replace")


async def _read(request: Request) -> Mapping[str, str]:
    text = await body(request)
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_FIELDS))
    except ValueError as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"at most {_FIELDS} fields") from error


def shown_in(header: str) -> str:
    """Return the token of an `Authorization`: a bearer's, or the password of a user's."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(rest, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
