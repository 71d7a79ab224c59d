"""What development adds: the page to try things, and the schema about itself."""

from dataclasses import replace

import httpx
import pytest
from graphql import get_introspection_query

from api.app import create_app
from api.graphql import GraphQLView
from api.settings import Settings, SettingsError
from schema.root import build_schema
from tests.conftest import TestDatabase, graphql


async def test_development_has_a_page_and_tells_the_schema(database: TestDatabase) -> None:
    app = create_app(replace(database.settings, development=True))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gramme.test") as client,
    ):
        page = await client.get("/graphql", headers={"accept": "text/html"})
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "GraphiQL" in page.text
        assert "content-security-policy" not in page.headers

        told = await graphql(client, get_introspection_query())
        assert "errors" not in told
        assert "placeOrder" in {
            field["name"]
            for type_ in told["data"]["__schema"]["types"]
            if type_["name"] == "Mutation"
            for field in type_["fields"]
        }

        misspelt = await graphql(
            client, "mutation($i:SignInInput!){signIn(input:$i){__typename}}", {"i": {"emial": "x", "password": "y"}}
        )
        assert any("Did you mean 'email'" in error["message"] for error in misspelt["errors"])


@pytest.mark.parametrize("origins", ["evil.example", "https://app.example/path", "https://"])
def test_origins_that_are_none_stop_the_start(origins: str) -> None:
    with pytest.raises(SettingsError, match="GRAMME_ALLOWED_ORIGINS"):
        GraphQLView(build_schema(), Settings(allowed_origins=origins))
