"""Metrics for Prometheus: how the lab stands, read when asked for, and how long answers take."""

import time
from collections.abc import Iterable
from typing import Final

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator.web.house import House
from orchestrator.web.stream import Feed

routes = APIRouter()

_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_UNROUTED: Final = "none"
#: seconds for which a scrape's numbers are fresh: many who scrape cost as much as one
_FRESH: Final = 5.0


class Metrics:
    """What one application measures."""

    def __init__(self, house: House, feed: Feed) -> None:
        """Read the lab's standing from `house`."""
        self._registry = CollectorRegistry()
        self._registry.register(_Lab(house, feed))
        self.answers = Histogram(
            "smoketest_http_answer_seconds",
            "Time until an answer began, by route.",
            ("method", "route", "status"),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._text = b""
        self._at = -_FRESH

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        if time.monotonic() - self._at > _FRESH:
            self._text, self._at = generate_latest(self._registry), time.monotonic()
        return self._text


class Timed:
    """ASGI middleware: takes the time of every answer, and tells it as `Server-Timing`."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Take the application to wrap."""
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; its answer's time ends when its head is sent."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def timed(message: Message) -> None:
            if message["type"] == "http.response.start":
                took = time.perf_counter() - began
                headers = MutableHeaders(scope=message)
                headers["Server-Timing"] = f"app;dur={took * 1000:.1f}"
                route = getattr(scope.get("route"), "path", _UNROUTED)
                labels = (scope["method"], route, str(message["status"]))
                self._metrics.answers.labels(*labels).observe(took)
            await send(message)

        await self._app(scope, receive, timed)


@routes.get("/metrics", include_in_schema=False)
def scrape(request: Request) -> Response:
    """Return what Prometheus scrapes."""
    metrics: Metrics = request.app.state.metrics
    return Response(metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})


class _Lab(Collector):
    """The lab's standing, from the store."""

    def __init__(self, house: House, feed: Feed) -> None:
        self._house = house
        self._feed = feed

    def describe(self) -> Iterable[Metric]:
        """Return nothing: what there is, is known when it is asked for."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return one value for each thing that is counted."""
        board = self._house.library.catalogue.board
        yield self._nodes()
        cells = GaugeMetricFamily("smoketest_cells", "Cells that are not over.", labels=["state"])
        cells.add_metric(["running"], len(board.under_way()))
        cells.add_metric(["waiting"], sum(crowd.count for crowd in board.waiting()))
        yield cells
        over = CounterMetricFamily(
            "smoketest_attempts", "Attempts that are over, by verdict.", labels=["verdict"]
        )
        for verdict, count in board.verdicts():
            over.add_metric([verdict], count)
        yield over
        events = CounterMetricFamily("smoketest_events", "What happened, ever.")
        events.add_metric([], self._feed.position)
        yield events
        listeners = GaugeMetricFamily("smoketest_stream_listeners", "Who follows the events now.")
        listeners.add_metric([], self._feed.listeners)
        yield listeners

    def _nodes(self) -> Metric:
        found = GaugeMetricFamily(
            "smoketest_nodes", "Machines, by standing.", labels=["state", "leased"]
        )
        for (state, leased), count in sorted(self._house.library.nodes_.tally().items()):
            found.add_metric([str(state), "yes" if leased else "no"], count)
        return found
