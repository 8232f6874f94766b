"""Jobs that are described to us in Jenkins' XML, as Jenkins Job Builder does; for operators."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import Response

from orchestrator.model.errors import Denied
from orchestrator.web import forms
from orchestrator.web.house import Here, House
from orchestrator.web.jenkins_paths import PREFIX

routes = APIRouter(prefix=PREFIX, include_in_schema=False)
Xml = Annotated[str, Depends(forms.body)]

_NONE = (
    "<?xml version='1.1' encoding='UTF-8'?>\n<project>\n"
    "  <description>an architecture of smoketest</description>\n</project>\n"
)


@routes.post("/createItem")
def create(house: Here, name: str, xml: Xml) -> Response:
    """Keep a new job's description; one that gives ARCH a default can be built."""
    if name in house.builds.jobs():
        said = f"A job already exists with the name {name}"
        raise HTTPException(HTTPStatus.BAD_REQUEST, said, headers={"X-Error": said})
    return _kept(house, name, xml)


@routes.get("/job/{job}/config.xml")
def describe(house: Here, job: str) -> Response:
    """Return a job's description as it was given."""
    return Response(house.builds.job(job).xml or _NONE, media_type="application/xml")


@routes.post("/job/{job}/config.xml")
def change(house: Here, job: str, xml: Xml) -> Response:
    """Keep another description of a job."""
    _own(house, job)
    return _kept(house, job, xml)


@routes.post("/job/{job}/doDelete")
def delete(house: Here, job: str) -> Response:
    """Forget a job; its builds stay."""
    _own(house, job)
    house.builds.items.describe(job, "")
    return Response(status_code=HTTPStatus.OK)


def _kept(house: House, name: str, xml: str) -> Response:
    if not xml.strip() or "/" in name or not name.isprintable():
        raise HTTPException(HTTPStatus.BAD_REQUEST, "a job needs a plain name and a description")
    house.builds.items.describe(name, xml)
    return Response(status_code=HTTPStatus.OK)


def _own(house: House, job: str) -> None:
    if not house.builds.job(job).xml:
        raise Denied(f"{job} is an architecture of this lab: its file describes it")
