"""Where review systems call us."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from orchestrator.web.house import Here

routes = APIRouter(prefix="/hooks", include_in_schema=False)


@routes.post("/{name}", status_code=HTTPStatus.ACCEPTED)
async def take(house: Here, name: str, request: Request) -> dict[str, str]:
    """Take a call that is signed, fresh and new; what it tells is looked at, not believed."""
    body = await request.body()
    headers = {key.lower(): value for key, value in request.headers.items()}
    about = await run_in_threadpool(house.reviewing.take, name, headers, body)
    return {"heard": about or "nothing that concerns us"}
