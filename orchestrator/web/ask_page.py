"""The page that asks for a run: a form, what it would cost, and the run that comes of it."""

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from orchestrator.model.errors import SmoketestError
from orchestrator.model.request import Lane, Select
from orchestrator.model.view import ArchView, PlanView
from orchestrator.service import asking
from orchestrator.web import ask_form
from orchestrator.web.admission import AskerHere
from orchestrator.web.ask_form import Draft, Wrong
from orchestrator.web.forms import Fields
from orchestrator.web.house import Here, House
from orchestrator.web.showing import page
from orchestrator.web.visitor import visitor_of

routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
acts = APIRouter(include_in_schema=False)

Word = Annotated[str, Query(max_length=1000)]

#: what the form says to each way of thinning out
WAYS: Mapping[Select, str] = {
    Select.ALL: "every one",
    Select.PAIRWISE: "few, so that each pair of settings meets in one of them",
    Select.EACH: "fewest, so that each setting is in one of them",
    Select.THREEWISE: "so many that each three settings meet",
}


@routes.get("/ask")
def ask_page(
    request: Request,
    house: Here,
    repo: Word = "",
    ref: Word = "",
    arch: Annotated[tuple[Word, ...], Query(max_length=1000)] = (),
    select: Select = Select.ALL,
) -> HTMLResponse:
    """Show the form, filled in with what the address says."""
    known = sorted(house.library.lab.trusted)
    filled = Draft(repo=repo or (known[0] if len(known) == 1 else ""), ref=ref, archs=arch)
    return _form(request, house, replace(filled, select=select))


@acts.post("/ask")
def ask(request: Request, house: Here, asker: AskerHere, fields: Fields) -> Response:
    """Ask for the run and lead to its page; or show the form again with what is wrong."""
    filled = ask_form.draft(fields, visitor_of(request).name)
    try:
        run = house.desk.ask(asking.allowed(asker, ask_form.request(filled)))
    except Wrong as wrong:
        return _form(request, house, replace(filled, faults=wrong.faults))
    except SmoketestError as error:
        return _form(request, house, replace(filled, faults=ask_form.faults_of(error)))
    return RedirectResponse(f"/runs/{run.id}", HTTPStatus.SEE_OTHER)


@acts.post("/ask/estimate")
def estimate(request: Request, house: Here, asker: AskerHere, fields: Fields) -> HTMLResponse:
    """Show what the run would be: cells, machine-hours, when it would start and be done."""
    filled = ask_form.draft(fields, visitor_of(request).name or "somebody")
    plan: PlanView | None = None
    faults: Mapping[str, str] = {}
    try:
        wanted = asking.allowed(asker, ask_form.request(filled))
        drafted = house.desk.plan(wanted)
        plan = house.library.plan(wanted, drafted.plan, drafted.rulings)
    except Wrong as wrong:
        faults = wrong.faults
    except SmoketestError as error:
        faults = ask_form.faults_of(error)
    return page(request, house, "estimate.html", None, plan=plan, faults=faults)


@acts.post("/ask/branches")
def branches(request: Request, house: Here, fields: Fields) -> HTMLResponse:
    """Return the repository's branches as choices for the form."""
    found: tuple[str, ...] = ()
    trouble = ""
    if repo := fields.get("repo", "").strip():
        try:
            found = house.desk.branches(repo)
        except SmoketestError as error:
            trouble = str(error)
    return page(request, house, "branches.html", None, branches=found, trouble=trouble)


def _form(request: Request, house: House, filled: Draft) -> HTMLResponse:
    groups: dict[str, list[ArchView]] = {}
    for arch in house.library.archs():
        groups.setdefault(" + ".join(arch.hypervisors) or "any hypervisor", []).append(arch)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if filled.faults else HTTPStatus.OK
    unknown = [name for name in filled.archs if name not in house.library.lab.archs]
    if unknown and "archs" not in filled.faults:
        msg = f"this lab has no {', '.join(unknown)} (any more)"
        filled = replace(filled, faults={**filled.faults, "archs": msg})
    repos = (*sorted(house.library.lab.trusted), *house.windows.matrix.words().repos)
    return page(
        request,
        house,
        "ask.html",
        None,
        status,
        draft=filled,
        groups=groups,
        repos=tuple(dict.fromkeys(repos)),
        ways=WAYS,
        lanes=list(Lane),
    )
