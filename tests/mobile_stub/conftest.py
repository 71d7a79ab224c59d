"""The whole server on a loopback port, with its factors and an operator: what a phone meets."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from domain.identity.service import create_operator
from mobile_stub.operator_desk import OperatorDesk
from tests.conftest import PASSWORD, TestDatabase
from tests.mobile_stub.loopback import loopback

OPERATOR = "operator@example.com"


@dataclass(frozen=True)
class Server:
    url: str
    operator_email: str = OPERATOR
    operator_password: str = PASSWORD


@pytest.fixture
async def served(database: TestDatabase) -> AsyncIterator[Server]:
    from api.app import create_app

    app = create_app(database.settings)
    async with loopback(app) as url:
        resources = app.state.resources
        await create_operator(
            resources.stores.users, resources.hasher, email=OPERATOR, password=PASSWORD, now=datetime.now(UTC)
        )
        yield Server(url)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as opened:
        yield opened


@pytest.fixture
async def desk(served: Server, http: httpx.AsyncClient, tmp_path: Path) -> AsyncIterator[OperatorDesk]:
    """The operator's desk, signed in."""
    opened = OperatorDesk(served.url, tmp_path / "desk.sqlite", http)
    await opened.sign_in(served.operator_email, served.operator_password)
    yield opened
    opened.close()
