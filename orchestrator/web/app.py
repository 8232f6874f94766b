"""The web application over one house."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from orchestrator.model.errors import SmoketestError
from orchestrator.web import (
    api,
    ask_page,
    boot,
    cell_pages,
    departure,
    front,
    hooks,
    jenkins,
    jenkins_jobs,
    kept,
    lieutenant_pages,
    lieutenants,
    logs,
    node_pages,
    overview,
    pages,
    partner_pages,
    partners,
    people,
    people_pages,
    problems,
    queue_page,
    resources,
    run_pages,
    schema,
    studies,
    told,
    watched,
)
from orchestrator.web.admission import Admitted
from orchestrator.web.etags import Tags
from orchestrator.web.guard import Guard
from orchestrator.web.house import House
from orchestrator.web.jenkins_paths import Straight
from orchestrator.web.limits import Allowance, Limits
from orchestrator.web.metrics import Metrics, Timed
from orchestrator.web.repeats import LARGEST_BODY, Repeats
from orchestrator.web.stream import Feed

STATIC = Path(__file__).parent / "static"


def build(
    house: House,
    allowance: Allowance | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> FastAPI:
    """Return the pages, the API and the boot server of `house` as one application.

    Whoever asks the API more often than `allowance` says (else: than the lab's rules allow), by
    `clock`, is told to wait.
    """
    app = FastAPI(
        title="smoketest",
        version=house.identity.version,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        max_body_size=LARGEST_BODY,
        lifespan=_lifespan,
        dependencies=[Admitted],
    )
    app.state.house = house
    app.state.feed = Feed(house.events)
    problems.install(app)
    for router in (
        *(api.reads, api.writes, partners.reads, partners.writes, partners.theirs),
        *(overview.reads, kept.routes, told.routes, watched.routes, studies.routes),
        *resources.ROUTERS,
        *(hooks.routes, boot.routes, jenkins_jobs.routes, jenkins.routes),
        *(overview.routes, run_pages.routes, run_pages.acts, pages.routes),
        *(ask_page.routes, ask_page.acts, queue_page.routes),
        *(cell_pages.routes, cell_pages.acts, logs.routes),
        *(node_pages.routes, node_pages.acts, partner_pages.routes),
        *(lieutenants.reads, lieutenants.writes, lieutenant_pages.routes, lieutenant_pages.acts),
        *(people.routes, front.routes, people_pages.routes),
    ):
        app.include_router(router)
    schema.describe(app)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    rules = house.reception.rules
    _wrap(app, house, allowance or Allowance(requests=rules.requests), clock)
    if rules.proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(rules.proxies))
    logging.getLogger("uvicorn.access").addFilter(boot.TokenFilter())
    return app


def _wrap(app: FastAPI, house: House, allowance: Allowance, clock: Callable[[], float]) -> None:
    """Put around `app` what every request and every answer passes."""
    # The last one added is the first to see a request.
    app.add_middleware(Repeats, answers=house.answers, gate=house.gate, clock=house.library.clock)
    app.add_middleware(Tags)
    app.add_middleware(Limits, allowance=allowance, clock=clock)
    app.add_middleware(departure.Departure, ledger=house.reception.ledger)
    app.add_middleware(Guard)
    app.add_middleware(Straight)
    app.state.metrics = Metrics(house, app.state.feed)
    app.add_middleware(Timed, metrics=app.state.metrics)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    feed: Feed = app.state.feed
    await feed.begin()
    tasks = [asyncio.create_task(feed.follow()), asyncio.create_task(_remember(app, feed))]
    yield
    feed.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _remember(app: FastAPI, feed: Feed) -> None:
    """Look at each lieutenant's archs once, so that nobody has to wait for the first look."""
    lieutenancy = app.state.house.lieutenancy
    with suppress(SmoketestError):  # whoever looks is told what is wrong
        for one in lieutenancy.all():
            if feed.is_open:
                await asyncio.to_thread(lieutenancy.remember, one.archs)
