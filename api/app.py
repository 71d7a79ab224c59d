"""The ASGI application: routes, middleware, and a lifespan that opens and closes everything."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute

from api.engine import EngineResources, open_engine
from api.exports import get_activities
from api.graphql import GraphQLView
from api.health import ExchangeFigures, RequestMetrics, healthz, metrics, open_registry, readyz
from api.imports import post_import
from api.middleware import GRAPHQL_PATH, GraphQLGate, RequestIds, SecurityHeaders
from api.resources import Resources, open_resources
from api.roles import Role
from api.settings import Settings
from schema.root import build_schema


def create_app(settings: Settings, role: Role = Role.ALL) -> Starlette:
    """`settings` names both servers by now; `app.state.resources` is there once the lifespan has begun."""
    if role is Role.ENGINE:
        return _measured(Starlette(lifespan=_lifespan(partial(open_engine, settings)), routes=HEALTH), open_registry())
    view = GraphQLView(build_schema(settings.development), settings)
    registry = open_registry()
    app = Starlette(
        lifespan=_lifespan(partial(open_resources, settings, role)),
        middleware=[
            Middleware(RequestIds),
            Middleware(SecurityHeaders, page_path=GRAPHQL_PATH if settings.development else None),
            Middleware(RequestMetrics, registry=registry),
            Middleware(GraphQLGate, page=settings.development),
        ],
        routes=[
            Route(GRAPHQL_PATH, view),
            WebSocketRoute(GRAPHQL_PATH, view),
            Route("/v1/imports", post_import, methods=["POST"]),
            Route("/v1/activities.csv", get_activities, methods=["GET"]),
            *HEALTH,
        ],
    )
    return _measured(app, registry)


HEALTH = [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]


def _lifespan(
    opening: Callable[[], Awaitable[Resources | EngineResources]],
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.resources = await opening()
        try:
            yield
        finally:
            await app.state.resources.close()

    return lifespan


def _measured(app: Starlette, registry: CollectorRegistry) -> Starlette:
    app.state.metrics = registry
    registry.register(ExchangeFigures(app))
    return app
