"""Who speaks, as Jenkins clients say it: user and API token, a bearer, or a job's token."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, HTTPException, Request

from orchestrator.model.access import Asker
from orchestrator.service.builds import TRACE
from orchestrator.web.house import Here

#: bytes of a form, and how many fields
LARGEST_FORM = 1 << 20
_FIELDS = 1000
#: `traceparent` as W3C has it
_TRACE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_REALM = {"WWW-Authenticate": 'Basic realm="smoketest"'}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Who calls (None: nobody in particular), and with which parameters, of query and form."""

    asker: Asker | None
    given: Mapping[str, str]

    def known(self) -> Asker:
        """Return who calls; raise `HTTPException` 401 for nobody in particular."""
        if self.asker is None:
            raise _unknown("this needs a token: `smoketest token add` makes one")
        return self.asker


async def _call(request: Request, house: Here) -> Call:
    given = dict(request.query_params) | await _form(request)
    header = request.headers.get("authorization", "")
    shown = shown_in(header) or given.get("token", "")
    asker = house.gate.who(shown) if shown else None
    if header and asker is None:
        raise _unknown("this token opens nothing here: it is wrong, expired or revoked")
    trace = _TRACE.fullmatch(request.headers.get("traceparent", ""))
    return Call(asker=asker, given=given | ({TRACE: trace[0]} if trace else {}))


#: annotate a route's parameter with it to be given the call
CallHere = Annotated[Call, Depends(_call)]
#: of every route: a token that opens nothing is refused even where none is needed
Known = Depends(_call)


async def body(request: Request) -> str:
    """Return the request's body as text; raise `HTTPException` 413 for one that is too large."""
    parts = b""
    async for part in request.stream():
        parts += part
        if len(parts) > LARGEST_FORM:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "at most 1 MiB is taken")
    return parts.decode(errors="replace")


async def _form(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "")
    if request.method != "POST" or not kind.startswith("application/x-www-form-urlencoded"):
        return {}
    try:
        return dict(parse_qsl(await body(request), keep_blank_values=True, max_num_fields=_FIELDS))
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


def _unknown(sentence: str) -> HTTPException:
    return HTTPException(HTTPStatus.UNAUTHORIZED, sentence, headers=_REALM)
