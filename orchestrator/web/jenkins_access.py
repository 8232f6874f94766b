"""Who speaks, as Jenkins clients say it: user and API token, a bearer, or a job's token."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, HTTPException, Request

from orchestrator.model.access import Asker, Thing
from orchestrator.model.job import Item
from orchestrator.service.builds import TRACE
from orchestrator.web import forms
from orchestrator.web.visits import Visit, visit_of

#: `traceparent` as W3C has it
_TRACE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_REALM = {"WWW-Authenticate": 'Basic realm="smoketest"'}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Who calls (None: nobody in particular), and with which parameters, of query and form."""

    asker: Asker | None
    given: Mapping[str, str]
    visit: Visit

    def sees(self, item: Item) -> bool:
        """Return whether they may see that build: a vendor of a lab that is not open, its own."""
        return self.visit.sees(Thing(arch=item.arch, owner=item.asker))

    def known(self) -> Asker:
        """Return who calls; raise `HTTPException` 401 for nobody in particular."""
        if self.asker is None:
            raise _unknown("this needs a token: `smoketest token add` makes one")
        return self.asker


async def _call(request: Request) -> Call:
    given = await forms.given(request)
    trace = _TRACE.fullmatch(request.headers.get("traceparent", ""))
    more = {TRACE: trace[0]} if trace else {}
    visit = visit_of(request)
    return Call(asker=visit.asker, given={**given, **more}, visit=visit)


#: annotate a route's parameter with it to be given the call
CallHere = Annotated[Call, Depends(_call)]


def _unknown(sentence: str) -> HTTPException:
    return HTTPException(HTTPStatus.UNAUTHORIZED, sentence, headers=_REALM)
