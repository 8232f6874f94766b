"""Admission: before any route, who asks, whether a browser was led here, and what they may.

One dependency of the whole application; `rights.NEEDS` says what each route takes.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import Depends, HTTPException, Request
from starlette.concurrency import run_in_threadpool

from orchestrator.model.access import RIGHTS, Asker, Reach, Right, Thing
from orchestrator.model.errors import Denied, NotFound, SmoketestError
from orchestrator.model.ids import CellId, RunId, cell_id
from orchestrator.service.ledger import Deed
from orchestrator.web import forms
from orchestrator.web.house import Here, House
from orchestrator.web.rights import Need, On, need_of
from orchestrator.web.visits import FIELD, HEADER, Names, Visit, keep, visit_of

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_OURS = frozenset({"same-origin", "none"})
#: a proxy stands before us: whoever it is at its end, it is not the user of this host
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


async def admit(request: Request, house: Here) -> None:
    """Let the request through, or raise what it lacks."""
    route = request.scope["route"].path
    need = need_of(request.method, route)
    visit = await arrive(request, house)
    keep(request, visit)
    if need is None:
        msg = f"{request.method} {route} is not in the table of who may do what: web/rights.py"
        raise HTTPException(HTTPStatus.FORBIDDEN, msg)
    changes = request.method not in _READING and not need.program
    if changes:
        _check_origin(request, house)
    if changes and not _proved(request):
        await _check_form(request, visit)
    if not (need.right is Right.READ and house.reception.rules.anonymous_read):
        await _check_right(request, house, need, visit.asker)
    if changes and need.record:
        deed = Deed(
            action=f"{request.method} {route}",
            target=request.url.path,
            said=await forms.said(request),
        )
        visit.entry = await run_in_threadpool(
            house.reception.ledger.begin, visit.asker, visit.address, deed
        )


#: the dependency of every route
Admitted = Depends(admit)


async def _asker(request: Request) -> Asker:
    asker = visit_of(request).asker
    if asker is None:
        raise unknown(request)
    return asker


#: annotate a route's parameter with it to be given who asks; 401 for nobody in particular
AskerHere = Annotated[Asker, Depends(_asker)]


async def _visit(request: Request) -> Visit:
    return visit_of(request)


#: annotate a route's parameter with it to be given the visit
VisitHere = Annotated[Visit, Depends(_visit)]


async def arrive(request: Request, house: House) -> Visit:
    """Return who makes the request, as far as it is known now; raise `HTTPException` 401."""
    names = Names.of(house)
    url = house.reception.url
    visit = Visit(
        asker=None,
        address=request.client.host if request.client else "",
        mark=request.cookies.get(names.mark, ""),
        key=house.reception.csrf_key.reveal().encode(),
        names=names,
        open=house.reception.rules.anonymous_read,
        secure=request.url.scheme == "https" or url.startswith("https:"),
    )
    if _proved(request):
        visit.asker = await _shown(request, house)
        return visit
    if shown := request.cookies.get(names.session, ""):
        known = await run_in_threadpool(house.reception.door.who, shown)
        if known:
            visit.asker, visit.session, visit.shown = known.asker, known.session, shown
            return visit
    if _may_be_local(request):
        visit.asker = await run_in_threadpool(_local, request, house)
    return visit


def sees_all(house: House, asker: Asker | None) -> bool:
    """Return whether they may see whatever there is."""
    if house.reception.rules.anonymous_read:
        return True
    return asker is not None and RIGHTS[asker.role].get(Right.READ) is Reach.ALL


def sees_cell(house: House, asker: Asker | None, cell: CellId) -> bool:
    """Return whether they may see the cell."""
    run, _, arch = cell.partition("/")
    things = _things({"run": run, "arch": arch}, house, On.CELL)
    return asker is not None and bool(things) and asker.reaches(Right.READ, things)


def check_repository(request: Request, house: House, repo: str) -> None:
    """Raise `HTTPException` unless the lab names the repository, or they may ask for runs.

    Any page in a local browser may make it ask us; it must not choose what git reaches for.
    """
    if repo not in house.library.lab.trusted and not visit_of(request).may(Right.ASK):
        raise unknown(request)


def _proved(request: Request) -> bool:
    """Return whether the request itself says who asks, with what no page can make up."""
    # The face of a Jenkins knows tokens only, wherever they stand in a call.
    return "authorization" in request.headers or request.url.path.startswith("/jenkins")


async def _shown(request: Request, house: House) -> Asker | None:
    """Return who shows a token; raise `HTTPException` 401 for one that opens nothing."""
    header = request.headers.get("authorization", "")
    shown = forms.shown_in(header)
    if not header:
        shown = (await forms.given(request)).get("token", "")
    asker = await run_in_threadpool(house.gate.who, shown) if shown else None
    if header and asker is None:
        keep(request, Visit(asker=None, address="", names=Names.of(house)))
        raise unknown(request, "this token opens nothing here: it is wrong, expired or revoked")
    return asker


def _may_be_local(request: Request) -> bool:
    """Return whether the user of this host may be behind it: no proxy, no name that leads here."""
    if any(name in request.headers for name in _FORWARDED):
        return False
    # Any page in a browser of this host can make it read our API, but not in the way of ours.
    ours = HEADER.lower() in request.headers or (
        request.method in _READING and request.headers.get("sec-fetch-site") == "same-origin"
    )
    return request.url.hostname in _LOOPBACK and (ours or not request.url.path.startswith("/api/"))


def _local(request: Request, house: House) -> Asker | None:
    client, server = request.client, request.scope.get("server")
    if client is None or not server:
        return None
    return house.reception.door.local((client.host, client.port), (server[0], server[1]))


def _check_origin(request: Request, house: House) -> None:
    """Raise `HTTPException` 403 if a browser was sent here by another site's page.

    Asked even of who shows a token: browsers add a password that was typed once by themselves.
    """
    origin = request.headers.get("origin")
    here = {request.url.netloc, urlsplit(house.reception.url).netloc} - {""}
    foreign = origin is not None and urlsplit(origin).netloc not in here
    if foreign or request.headers.get("sec-fetch-site", "none") not in _OURS:
        raise HTTPException(HTTPStatus.FORBIDDEN, "another site sent this browser here")


async def _check_form(request: Request, visit: Visit) -> None:
    """Raise `HTTPException` 403 unless a page of ours gave the browser what it brings."""
    if visit.asker is None and request.url.path.startswith(("/api/", "/jenkins")):
        raise unknown(request)
    token = request.headers.get(HEADER) or (await forms.given(request)).get(FIELD, "")
    if not visit.brought(token):
        msg = "this form is not from a page of ours, or its page is too old: load it again"
        raise HTTPException(HTTPStatus.FORBIDDEN, msg)


async def _check_right(request: Request, house: House, need: Need, asker: Asker | None) -> None:
    if need.right is None:
        return
    if asker is None:
        raise unknown(request)
    rights = RIGHTS[asker.role]
    reach = rights.get(need.right)
    # Whoever may act on everything may still not see everything, where that is not for all.
    sees = house.reception.rules.anonymous_read or rights[Right.READ] is Reach.ALL
    if reach is Reach.ALL and (sees or need.on not in _FIND):
        return
    allowed = reach is not None and need.on is On.ANYTHING
    if reach is not None and need.on in _FIND:
        things = await run_in_threadpool(_things, request.path_params, house, need.on)
        seen = sees or asker.reaches(Right.READ, things)
        allowed = bool(things) and seen and asker.reaches(need.right, things)
    if not allowed:
        raise _refusal(request, need, asker, reach)


def _refusal(request: Request, need: Need, asker: Asker, reach: Reach | None) -> SmoketestError:
    if need.right is Right.READ:
        # said as of what is not there: it is nobody's business whether it is
        return NotFound(f"there is nothing for {asker.name} at {request.url.path}")
    whose = "" if reach is None else ": this one is not theirs"
    return Denied(f"{asker.name} is {asker.role} and may not {need.right} here{whose}")


def _things(params: Mapping[str, str], house: House, on: On) -> tuple[Thing, ...]:
    """Return what the address is about; nothing if there is no such thing."""
    try:
        return _FIND[on](params, house)
    except (NotFound, ValueError, OverflowError):
        return ()


def _cell(params: Mapping[str, str], house: House) -> tuple[Thing, ...]:
    run = house.desk.runs.run(_number(params["run"]))
    house.desk.runs.cell(cell_id(run.id, params["arch"]))
    return (_thing(house, params["arch"], run.requester),)


def _run(params: Mapping[str, str], house: House) -> tuple[Thing, ...]:
    run = house.desk.runs.run(_number(params["run"]))
    cells = house.desk.runs.cells(run.id)
    return tuple(_thing(house, cell.arch.name, run.requester) for cell in cells)


def _partner(params: Mapping[str, str], _: House) -> tuple[Thing, ...]:
    return (Thing(partners=frozenset({params["name"]})),)


def _build(params: Mapping[str, str], house: House) -> tuple[Thing, ...]:
    item = house.builds.item(_number(params["number"]))
    return (_thing(house, item.arch, item.asker),)


_FIND = {On.CELL: _cell, On.RUN: _run, On.PARTNER: _partner, On.BUILD: _build}


def _thing(house: House, arch: str, owner: str) -> Thing:
    takers = house.library.lab.takers()
    partners = frozenset(name for name, archs in takers.items() if arch in archs)
    return Thing(arch=arch, owner=owner, partners=partners)


def _number(text: str) -> RunId:
    number = int(text) if text.isdecimal() else 0
    if not 0 < number < 2**31:
        raise ValueError(text)
    return RunId(number)


def unknown(request: Request, why: str = "") -> HTTPException:
    """Return the way in: the sign-in page for a person, what to show for a program."""
    path = request.url.path
    program = path.startswith(("/api/", "/jenkins", "/boot/"))
    if not why and not program and "text/html" in request.headers.get("accept", ""):
        onward = quote(f"{path}?{request.url.query}" if request.url.query else path, safe="")
        where = {"Location": f"/sign-in?to={onward if request.method == 'GET' else '%2F'}"}
        return HTTPException(HTTPStatus.SEE_OTHER, "sign in first", headers=where)
    realm = 'Basic realm="smoketest"' if path.startswith("/jenkins") else "Bearer"
    sentence = f"{why}; " if why else ""
    sentence += (
        "this needs a token as `Authorization: Bearer TOKEN`: your own from the page /account, or "
        "one of `smoketest token add`; the local operator's is in server.json in the "
        "orchestrator's home folder, where smoketest reads it"
    )
    headers = {"WWW-Authenticate": realm}
    return HTTPException(HTTPStatus.UNAUTHORIZED, sentence, headers=headers)
