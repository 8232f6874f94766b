"""We as a Jenkins: each arch a job, each run that a client asks for a queue item and a build.

What stock clients need, in the shapes and with the habits that they are used to; and no more: no
scripts, no configuration, nothing that a partner's token must not do. Item and build numbers are
our runs' and stay good for ever.
"""

import hashlib
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Path, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response

from orchestrator.model.access import Role
from orchestrator.model.errors import ConfigError, Denied, NotFound
from orchestrator.model.ids import AttemptId
from orchestrator.model.job import Item
from orchestrator.model.run import State
from orchestrator.web import jenkins_shapes as shapes
from orchestrator.web.house import Here, House
from orchestrator.web.jenkins_access import Call, CallHere
from orchestrator.web.jenkins_paths import PREFIX

routes = APIRouter(prefix=PREFIX, include_in_schema=False)

#: builds of a job that are told
RECENT = 100
#: jobs that a queue is searched for
WAITING = 200
_PART = 4 << 20
Form = Annotated[str, Path(pattern="^(json|python)$")]
Number = Annotated[int, Path(ge=1, lt=2**31)]


def base(request: Request) -> str:
    """Return our own address as the client reached it, without a slash at the end."""
    return f"{request.url.scheme}://{request.url.netloc}{PREFIX}"


@routes.api_route("", methods=["GET", "HEAD"])
def front() -> Response:
    """Say that something is here."""
    return PlainTextResponse("smoketest speaks Jenkins here: api/json lists the jobs\n")


@routes.get("/api/{form}")
def root(request: Request, house: Here, form: Form) -> dict[str, Any]:
    """Return the jobs."""
    del form
    here = base(request)
    return shapes.root(here, [shapes.job_ref(here, job) for job in house.builds.jobs().values()])


@routes.get("/me/api/{form}")
def me(request: Request, form: Form, call: CallHere) -> dict[str, Any]:
    """Return who asks."""
    del form
    name = call.asker.name if call.asker else "anonymous"
    return {
        "_class": "hudson.model.User",
        "absoluteUrl": f"{base(request)}/user/{quote(name)}",
        "description": None,
        "fullName": name,
        "id": name,
        "property": [],
    }


@routes.get("/crumbIssuer/api/xml")
def crumb_text(house: Here, call: CallHere) -> Response:
    """Return the crumb as the Remote Trigger plugin asks for it, by XPath."""
    return PlainTextResponse(f"Jenkins-Crumb:{_crumb(house, call)}")


@routes.get("/crumbIssuer/api/{form}")
def crumb(house: Here, form: Form, call: CallHere) -> dict[str, str]:
    """Return a crumb: the same for as long as the home is, whatever restarts."""
    del form
    return {
        "_class": "hudson.security.csrf.DefaultCrumbIssuer",
        "crumb": _crumb(house, call),
        "crumbRequestField": "Jenkins-Crumb",
    }


@routes.get("/job/{job}/api/{form}")
def job_info(
    request: Request, house: Here, call: CallHere, job: str, form: Form, tree: str = ""
) -> dict[str, Any]:
    """Return a job with its newest builds; without them if only its name is asked for."""
    del form
    found = house.builds.job(job)
    if tree in {"name", "fullName"}:
        return shapes.job_ref(base(request), found)
    items = filter(call.sees, house.builds.items.of_job(job, RECENT))
    builds = [(item, house.builds.detail(item)) for item in items]
    return shapes.job_shape(base(request), found, builds)


@routes.get("/job/{job}")
def job_page(house: Here, job: str) -> Response:
    """Say that the job is there."""
    return PlainTextResponse(f"{house.builds.job(job).name}\n")


@routes.post("/job/{job}/buildWithParameters")
def start(request: Request, house: Here, job: str, call: CallHere) -> Response:
    """Ask for a build; a repeat with the same RUN_ID gets the first one's queue item."""
    return _started(request, house, job, call)


@routes.post("/buildByToken/buildWithParameters")
def start_by_token(request: Request, house: Here, call: CallHere) -> Response:
    """Ask for a build by a job's token alone."""
    if call.asker is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "no such job, or no such token")
    return _started(request, house, call.given.get("job", ""), call)


@routes.post("/job/{job}/build")
def start_bare(house: Here, job: str) -> Response:
    """Refuse: every job of ours takes parameters, as a Jenkins would say of such a one."""
    house.builds.job(job)
    raise _refused(f"{job} takes parameters: use buildWithParameters")


def _started(request: Request, house: House, job: str, call: Call) -> Response:
    try:
        item = house.builds.start(call.known(), job, call.given)
    except (NotFound, Denied) as error:
        if isinstance(error, NotFound) and job in house.builds.jobs():
            raise _refused(str(error)) from error
        raise
    except ConfigError as error:
        raise _refused(str(error)) from error
    # With the slash at the end: a client takes the last part of it for the number.
    where = f"{base(request)}/queue/item/{item.run}/"
    return Response(status_code=HTTPStatus.CREATED, headers={"Location": where})


@routes.get("/queue/api/{form}")
def queue(request: Request, house: Here, call: CallHere, form: Form) -> dict[str, Any]:
    """Return the items that wait."""
    del form
    here = base(request)
    items = filter(call.sees, house.builds.items.of_job("", WAITING))
    shown = [_item(here, house, item) for item in items]
    waiting = [shape for shape in shown if "executable" not in shape]
    return {"_class": "hudson.model.Queue", "discoverableItems": [], "items": waiting}


@routes.get("/queue/item/{number}/api/{form}")
def queue_item(request: Request, house: Here, number: Number, form: Form) -> dict[str, Any]:
    """Return a queue item, for ever."""
    del form
    return _item(base(request), house, house.builds.item(number))


@routes.get("/queue/item/{number}")
def queue_item_page(house: Here, number: Number) -> Response:
    """Say that the item is there: where the answer to a cancellation leads."""
    return PlainTextResponse(f"{house.builds.item(number).job}\n")


@routes.post("/queue/cancelItem")
def cancel(house: Here, call: CallHere) -> Response:
    """Take a build out of the queue."""
    number = call.given.get("id", "")
    if not number.isdecimal():
        raise HTTPException(HTTPStatus.NOT_FOUND, "id= must be the number of a queue item")
    house.builds.stop(call.known(), house.builds.item(int(number)))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@routes.get("/job/{job}/{number}/api/{form}")
def build(request: Request, house: Here, job: str, number: Number, form: Form) -> dict[str, Any]:
    """Return a build."""
    del form
    return shapes.build_shape(base(request), *house.builds.build(job, number))


@routes.get("/job/{job}/{number}")
def build_page(house: Here, job: str, number: Number) -> Response:
    """Say that the build is there, and where its page for people is."""
    _, detail = house.builds.build(job, number)
    return PlainTextResponse(f"{detail.cell.url}\n")


@routes.get("/job/{job}/{number}/consoleText")
def console(house: Here, job: str, number: Number) -> Response:
    """Return the log so far."""
    return PlainTextResponse(shapes.console(house.builds.build(job, number)[1]))


@routes.api_route("/job/{job}/{number}/logText/progressiveText", methods=["GET", "POST"])
def progressive(house: Here, job: str, number: Number, call: CallHere) -> Response:
    """Return the log from the byte `start` on, and whether more will come."""
    _, detail = house.builds.build(job, number)
    text = shapes.console(detail).encode()
    asked = call.given.get("start", "0")
    begin = int(asked) if asked.isdecimal() and int(asked) <= len(text) else 0
    headers = {"X-Text-Size": str(len(text))}
    if detail.cell.state is not State.DONE:
        headers["X-More-Data"] = "true"
    return PlainTextResponse(text[begin:].decode(errors="replace"), headers=headers)


@routes.get("/job/{job}/{number}/testReport/api/{form}")
def report(house: Here, job: str, number: Number, form: Form) -> dict[str, Any]:
    """Return the test report."""
    del form
    found = shapes.report_shape(house.builds.build(job, number)[1])
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "nothing was tested (yet)")
    return found


@routes.get("/job/{job}/{number}/artifact/{name:path}")
def artifact(house: Here, job: str, number: Number, name: str) -> Response:
    """Return a file of the build."""
    _, detail = house.builds.build(job, number)
    if name not in shapes.files(detail):
        raise HTTPException(HTTPStatus.NOT_FOUND, f"the build has no file {name}")
    content = house.files.read(AttemptId(detail.attempts[-1].attempt), name, 0, _PART)
    return Response(content, media_type="application/octet-stream")


@routes.post("/job/{job}/{number}/stop")
def stop(request: Request, house: Here, job: str, number: Number, call: CallHere) -> Response:
    """Stop a build of one's own."""
    item, _ = house.builds.build(job, number)
    house.builds.stop(call.known(), item)
    where = f"{base(request)}/job/{quote(job)}/{number}/"
    return RedirectResponse(where, HTTPStatus.FOUND)


def _item(here: str, house: House, item: Item) -> dict[str, Any]:
    jobs = house.builds.jobs()
    job = jobs.get(item.job) or jobs[item.arch]
    return shapes.item_shape(here, job, item, house.builds.detail(item))


def _crumb(house: House, call: Call) -> str:
    who = call.asker.name if call.asker else Role.VIEWER
    return hashlib.sha256(f"crumb {house.identity.orchestrator} {who}".encode()).hexdigest()


def _refused(sentence: str) -> HTTPException:
    """Return what a Jenkins says to what cannot be."""
    line = " ".join(sentence.split()).encode("ascii", "replace").decode()
    return HTTPException(HTTPStatus.BAD_REQUEST, sentence, headers={"X-Error": line})
