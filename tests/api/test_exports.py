"""GET /v1/activities.csv: one's own activities as a table that a spreadsheet may open."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import httpx
import pytest

from api.exports import COLUMNS, PAGE
from domain.ids import new_id
from tests.conftest import Caller, sign_up
from tests.domain.footprint.test_plausibility import activity

if TYPE_CHECKING:
    from api.resources import Resources

START = datetime(2026, 6, 1, tzinfo=UTC)


async def owner_of(resources: "Resources", caller: Caller) -> int:
    user = await resources.stores.users.by_email(caller.email)
    assert user is not None
    return user[0].owner


async def record(resources: "Resources", caller: Caller, count: int, **fields: object) -> None:
    owner = await owner_of(resources, caller)
    items = []
    for number in range(count):
        start = START + timedelta(hours=number)
        key: UUID = new_id(start)
        item = replace(
            activity(), id=key, client_id=key, owner=owner, started_at=start, ended_at=None, local_date=start.date()
        )
        items.append((replace(item, **fields), b""))  # type: ignore[arg-type]
    await resources.stores.footprint.record(owner, items, {})


async def table(client: httpx.AsyncClient, caller: Caller, query: str = "") -> list[dict[str, str]]:
    response = await client.get(f"/v1/activities.csv{query}", headers={"authorization": f"Bearer {caller.token}"})
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(response.text)))


async def test_all_pages_newest_first(client: httpx.AsyncClient, resources: "Resources") -> None:
    ada = await sign_up(client)
    await record(resources, ada, 2 * PAGE + 1)
    rows = await table(client, ada)
    assert len(rows) == 2 * PAGE + 1
    assert list(rows[0]) == list(COLUMNS)
    starts = [row["startedAt"] for row in rows]
    assert starts == sorted(starts, reverse=True)
    assert (rows[-1]["startedAt"], rows[-1]["quantity"], rows[-1]["unit"]) == ("2026-06-01T00:00:00Z", "12", "km")


async def test_days_of_a_range(client: httpx.AsyncClient, resources: "Resources") -> None:
    ada = await sign_up(client)
    await record(resources, ada, 96)
    assert {row["date"] for row in await table(client, ada, "?from=2026-06-02&to=2026-06-03")} == {
        "2026-06-02",
        "2026-06-03",
    }


async def test_nobody_elses(client: httpx.AsyncClient, resources: "Resources") -> None:
    ada, ben = await sign_up(client), await sign_up(client, "Ben")
    await record(resources, ada, 3)
    assert await table(client, ben) == []


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", " =", "\uff1d"])
async def test_no_cell_is_a_formula(client: httpx.AsyncClient, resources: "Resources", start: str) -> None:
    ada = await sign_up(client)
    evil = start + 'HYPERLINK("http://x","y"),z'
    await record(resources, ada, 1, reason=evil)
    [row] = await table(client, ada)
    assert row["reason"] == "'" + evil


async def test_no_part_of_a_cell_is_a_formula(client: httpx.AsyncClient, resources: "Resources") -> None:
    ada = await sign_up(client)
    await record(resources, ada, 1, reason="What is shop;=1+1; @SUM(1)? a; b-c")
    [row] = await table(client, ada)
    assert row["reason"] == "What is shop;'=1+1;' @SUM(1)? a; b-c"


@pytest.mark.parametrize(("query", "token", "status"), [("", "", 401), ("", "wrong", 401), ("?from=x", None, 400)])
async def test_refusals(client: httpx.AsyncClient, query: str, token: str | None, status: int) -> None:
    ada = await sign_up(client)
    bearer = ada.token if token is None else token
    headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
    response = await client.get(f"/v1/activities.csv{query}", headers=headers)
    assert response.status_code == status
    assert set(response.json()) == {"code", "message"}
