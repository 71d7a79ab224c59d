"""The ASGI application: routes, middleware, and a lifespan that opens and closes everything."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute

from api.graphql import GraphQLView
from api.health import ExchangeFigures, RequestMetrics, healthz, metrics, open_registry, readyz
from api.imports import post_import
from api.middleware import GRAPHQL_PATH, GraphQLGate, RequestIds, SecurityHeaders
from api.resources import open_resources
from api.settings import Settings
from schema.root import build_schema


def create_app(settings: Settings) -> Starlette:
    """`settings` names both servers by now; `app.state.resources` is there once the lifespan has begun."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.resources = await open_resources(settings)
        try:
            yield
        finally:
            await app.state.resources.close()

    view = GraphQLView(build_schema(settings.development), settings)
    registry = open_registry()
    app = Starlette(
        lifespan=lifespan,
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
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
        ],
    )
    app.state.metrics = registry
    registry.register(ExchangeFigures(app))
    return app
