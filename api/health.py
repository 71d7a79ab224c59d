"""/healthz: the process lives. /readyz: an order could be taken now. /metrics: figures for Prometheus."""

import time
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.engine import EngineResources
from api.resources import Resources

PATHS = ("/graphql", "/v1/imports", "/v1/activities.csv", "/healthz", "/readyz", "/metrics")


async def healthz(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def readyz(request: Request) -> Response:
    resources: Resources | EngineResources = request.app.state.resources
    if await resources.ready():
        return PlainTextResponse("ready\n")
    return PlainTextResponse("not ready: no order can be taken\n", status_code=503)


async def metrics(request: Request) -> Response:
    registry: CollectorRegistry = request.app.state.metrics
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class ExchangeFigures(Collector):
    """Figures of the exchange, read when they are asked for."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    def collect(self) -> Iterable[Metric]:
        resources: Resources | EngineResources = self._app.state.resources
        commands, writer = resources.commands, resources.writer
        yield GaugeMetricFamily("gramme_writer_ready", "1 while an order could be taken.", float(commands.is_open))
        yield GaugeMetricFamily(
            "gramme_commands_waiting", "Commands that wait for the writer.", float(commands.waiting)
        )
        if writer is not None:
            yield GaugeMetricFamily(
                "gramme_writer_epoch", "How often a writer has taken the lease, up to this one.", float(writer.epoch)
            )
        if isinstance(resources, EngineResources):
            yield GaugeMetricFamily(
                "gramme_engine_connections", "API processes connected.", float(resources.server.connections)
            )


def open_registry() -> CollectorRegistry:
    """One for each app, so that several can live in a process."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


class RequestMetrics:
    """Counts HTTP requests by path and status, and times them; streams and sockets live too long to be timed."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._requests = Counter("gramme_http_requests", "HTTP requests.", ["path", "status"], registry=registry)
        self._seconds = Histogram(
            "gramme_http_request_seconds", "Time until an answer was complete.", ["path"], registry=registry
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        path = scope["path"] if scope["path"] in PATHS else "other"
        status = 500
        is_stream = False

        async def watch(message: Message) -> None:
            nonlocal status, is_stream
            if message["type"] == "http.response.start":
                status = message["status"]
                is_stream = any(value.startswith(b"text/event-stream") for _, value in message["headers"])
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            self._requests.labels(path, str(status)).inc()
            if not is_stream:
                self._seconds.labels(path).observe(time.perf_counter() - started)
