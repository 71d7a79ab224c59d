"""POST /v1/imports: a file comes in over HTTP and is followed to its end over GraphQL."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from api.imports import FILE_BYTES_MAX
from infra.capture.runner import WAITING_PER_OWNER_MAX
from tests.conftest import graphql, sign_up

if TYPE_CHECKING:
    from api.resources import Resources

DATA = Path(__file__).parents[1] / "data"
YEAR = (DATA / "green_button" / "TestGBDataOneYearDailyBinnedMonthly.xml").read_bytes()
MONTH = (DATA / "nem12" / "Example_NEM12_month_solar.csv").read_bytes()
WAIT_SECONDS = 60

IMPORT = """query ($id: ID!) { import(id: $id) { id format status recordsRead recordsImported recordsDuplicate
    recordsRejected emissions rejections(first: 5) { line record reason code } } }"""
FOOTPRINT = """query ($from: Date!, $to: Date!) { viewer { footprint(from: $from, to: $to) {
    total byCategory { category total activities } byDay { date total } } } }"""
ACTIVITIES = """query { viewer { activities(first: 100) { edges { node { source unit quantity emissions
    explanation { factorId factorKgPerUnit convertedQuantity formula caveats } } } } } }"""


async def upload(client: httpx.AsyncClient, content: Any, token: str | None, **headers: str) -> httpx.Response:
    if token:
        headers["authorization"] = f"Bearer {token}"
    return await client.post("/v1/imports?filename=meter.xml", content=content, headers=headers)


async def finished(client: httpx.AsyncClient, token: str, key: str) -> dict[str, Any]:
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            answer = await graphql(client, IMPORT, {"id": key}, token)
            job: dict[str, Any] = answer["data"]["import"]
            if job["status"] in ("FINISHED", "FAILED"):
                return job
            await asyncio.sleep(0.05)


async def test_a_year_from_upload_to_summary(client: httpx.AsyncClient) -> None:
    caller = await sign_up(client, region="US-NY", timeZone="America/New_York")
    response = await upload(client, YEAR, caller.token)
    assert response.status_code == 202
    assert set(response.json()) == {"id"}
    key = response.json()["id"]
    assert base64.urlsafe_b64decode(key + "==").startswith(b"Import:")
    job = await finished(client, caller.token, key)
    assert job == {
        "id": key,
        "format": "GREEN_BUTTON",
        "status": "FINISHED",
        "recordsRead": 444,
        "recordsImported": 444,
        "recordsDuplicate": 0,
        "recordsRejected": 0,
        "emissions": job["emissions"],
        "rejections": [],
    }
    answer = await graphql(client, FOOTPRINT, {"from": "2013-01-01", "to": "2014-03-31"}, caller.token)
    footprint = answer["data"]["viewer"]["footprint"]
    assert footprint["total"] == job["emissions"] > 0
    assert footprint["byCategory"] == [{"category": "electricity", "total": job["emissions"], "activities": 444}]
    assert len(footprint["byDay"]) == 444
    again = await finished(client, caller.token, (await upload(client, YEAR, caller.token)).json()["id"])
    assert (again["recordsImported"], again["recordsDuplicate"], again["emissions"]) == (0, 444, 0)


async def test_export_is_not_use(client: httpx.AsyncClient) -> None:
    caller = await sign_up(client, region="AU-QLD", timeZone="Australia/Brisbane")
    job = await finished(client, caller.token, (await upload(client, MONTH, caller.token)).json()["id"])
    assert (job["format"], job["recordsImported"]) == ("NEM12", 17_856)
    answer = await graphql(client, ACTIVITIES, token=caller.token)
    nodes = [edge["node"] for edge in answer["data"]["viewer"]["activities"]["edges"]]
    assert len(nodes) == 31
    assert sum(round(float(node["quantity"]) * 1000) for node in nodes) == 270_738
    assert {node["source"] for node in nodes} == {"METER"}
    assert {node["explanation"]["factorId"] for node in nodes} == {"energy.electricity.grid.ember"}


async def test_a_refused_record_has_its_line(client: httpx.AsyncClient) -> None:
    caller = await sign_up(client, region="AU", timeZone="Australia/Sydney")
    file = (DATA / "malformed" / "nem_negative.csv").read_bytes()
    job = await finished(client, caller.token, (await upload(client, file, caller.token)).json()["id"])
    assert (job["recordsRead"], job["recordsImported"], job["recordsRejected"]) == (48, 47, 1)
    rejection = job["rejections"][0]
    assert (rejection["code"], rejection["line"]) == ("NEGATIVE", 3)


async def test_nobody_else_sees_an_import(client: httpx.AsyncClient) -> None:
    caller, other = await sign_up(client), await sign_up(client, "Bob")
    key = (await upload(client, YEAR, caller.token)).json()["id"]
    assert (await graphql(client, IMPORT, {"id": key}, other.token))["data"]["import"] is None
    await finished(client, caller.token, key)


async def _pieces(total: int) -> AsyncIterator[bytes]:
    piece = bytes(2**20)
    for _ in range(total // len(piece)):
        yield piece


async def test_refusals(client: httpx.AsyncClient, resources: "Resources") -> None:
    caller = await sign_up(client)
    form = {"content-type": "multipart/form-data; boundary=x"}
    too_long = {"content-length": str(FILE_BYTES_MAX + 1)}
    cases: list[tuple[httpx.Response, int, str]] = [
        (await upload(client, YEAR, None), 401, "UNAUTHENTICATED"),
        (await upload(client, YEAR, "wrong"), 401, "UNAUTHENTICATED"),
        (await upload(client, YEAR, caller.token, **form), 415, "UNSUPPORTED_MEDIA_TYPE"),
        (await upload(client, b"", caller.token, **too_long), 413, "TOO_LARGE"),
        (await upload(client, _pieces(FILE_BYTES_MAX + 2**20), caller.token), 413, "TOO_LARGE"),
    ]
    for response, status, code in cases:
        assert (response.status_code, response.json()["code"]) == (status, code)
        assert set(response.json()) == {"code", "message"}
        assert response.headers["content-type"] == "application/json"
    assert await resources.database.pool.fetchval("SELECT count(*) FROM import_job") == 0
    assert list((resources.settings.home / "imports").iterdir()) == []


async def test_a_person_cannot_fill_the_queue(client: httpx.AsyncClient, resources: "Resources") -> None:
    caller, other = await sign_up(client), await sign_up(client, "Bob")
    await resources.imports.close()
    answers = [await upload(client, b"100,NEM12", caller.token) for _ in range(WAITING_PER_OWNER_MAX + 1)]
    assert [answer.status_code for answer in answers] == [202] * WAITING_PER_OWNER_MAX + [503]
    assert answers[-1].json()["code"] == "OVERLOADED"
    assert int(answers[-1].headers["retry-after"]) > 0
    assert (await upload(client, b"100,NEM12", other.token)).status_code == 202


async def test_a_file_name_is_only_shown(client: httpx.AsyncClient, resources: "Resources") -> None:
    caller = await sign_up(client)
    response = await client.post(
        "/v1/imports",
        params={"filename": "../../\x00\u202eevil" + "x" * 1_000},
        content=json.dumps("no meter file"),
        headers={"authorization": f"Bearer {caller.token}"},
    )
    job = await finished(client, caller.token, response.json()["id"])
    assert (job["status"], job["rejections"][0]["code"]) == ("FAILED", "UNKNOWN_FORMAT")
    name = await resources.database.pool.fetchval("SELECT filename FROM import_job")
    assert name == "../../??evil" + "x" * 188
