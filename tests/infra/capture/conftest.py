"""Whoever sends files to the whole pipeline."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infra.postgres.connection import Database
from tests.conftest import TestDatabase
from tests.infra.capture.desk import Desk


@pytest.fixture
async def desk(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Desk]:
    opened = await Database.open(database.app_url)
    made = Desk(opened, tmp_path / "imports")
    await made.runner.start()
    yield made
    await made.runner.close()
    await opened.close()
