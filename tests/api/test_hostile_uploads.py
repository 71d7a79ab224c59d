"""Everything hostile at once, over HTTP: the server stays up, its memory bounded, and each sender is told in words."""

import asyncio
import resource
from typing import TYPE_CHECKING, Any

import httpx

from tests.conftest import Caller, graphql, sign_up
from tests.infra.capture.files import DATA, zipped

if TYPE_CHECKING:
    from api.resources import Resources

MALFORMED = sorted(path for path in (DATA / "malformed").iterdir() if path.name != "expected.json")
GOOD = DATA / "green_button" / "TestGBDataOneYearDailyBinnedMonthly.xml"
WAIT_SECONDS = 300
MEMORY_MAX_MIB = 150
IMPORT = """query ($id: ID!) { import(id: $id) { status recordsRead recordsImported recordsDuplicate recordsRejected
    emissions rejections(first: 100) { reason code } } }"""
TOTAL = """{ viewer { footprint(from: "2010-01-01", to: "2019-12-31") { total } } }"""


def constructed() -> dict[str, bytes]:
    """What is made here and not stored."""
    good = GOOD.read_bytes()
    return {
        "zip bomb": zipped({"a": bytes(200 * 2**20)}),
        "zip in zip": zipped({"a": zipped({"a": zipped({"a": b"x"})})}),
        "two files": zipped({"a": good, "b": good}),
        "outside": zipped({"../../etc/passwd": good}),
        "cut zip": zipped({"a": good})[:-200],
        "nested JSON": b"[" * 200_000,
        "nested XML": b'<feed xmlns="http://naesb.org/espi">' + b"<a>" * 200_000,
        "many attributes": b'<feed xmlns="http://naesb.org/espi"><entry><content>' + b'<a b="1"/>' * 500_000,
        "one long line": b"100,NEM12," + b"9" * 5_000_000,
        "zeros": bytes(1_000_000),
        "noise": bytes(number * 7919 % 251 for number in range(200_000)),
        "half": good[: len(good) // 2],
        "a key of 5 MB": b'{"' + b"k" * 5_000_000 + b'":1}',
        "NaN": b'{"semanticSegments":[{"startTime":NaN}]}',
        "SQLite in name": b"SQLite format 3\0" + bytes(4_000),
        "formula": b'=cmd|"/c calc"!A1,2\n' * 1_000,
    }


async def upload(client: httpx.AsyncClient, caller: Caller, content: bytes) -> str:
    """The id of the import; waits where too many of this person's wait already."""
    for _ in range(10 * WAIT_SECONDS):
        response = await client.post(
            "/v1/imports", content=content, headers={"authorization": f"Bearer {caller.token}"}
        )
        if response.status_code != 503:
            break
        await asyncio.sleep(0.1)
    assert response.status_code == 202, response.text
    key: str = response.json()["id"]
    return key


async def end_of(client: httpx.AsyncClient, caller: Caller, key: str) -> dict[str, Any]:
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            answer = await graphql(client, IMPORT, {"id": key}, caller.token)
            job: dict[str, Any] = answer["data"]["import"]
            if job["status"] in ("FINISHED", "FAILED"):
                return job
            await asyncio.sleep(0.1)


async def total(client: httpx.AsyncClient, caller: Caller) -> int:
    answer = await graphql(client, TOTAL, {}, caller.token)
    grams: int = answer["data"]["viewer"]["footprint"]["total"]
    return grams


async def test_hostile_files_cost_their_sender_an_error_and_nobody_else_anything(
    client: httpx.AsyncClient, resources: "Resources"
) -> None:
    mallory, ada = await sign_up(client, "Mallory"), await sign_up(client, region="US")
    hostile = {path.name: path.read_bytes() for path in MALFORMED} | constructed()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sent = {}
    for number, (name, content) in enumerate(hostile.items()):
        if content.strip():
            sent[name] = await upload(client, mallory, content)
        if number == len(hostile) // 2:
            own = await upload(client, ada, GOOD.read_bytes())
            mine = await end_of(client, ada, own)
    ends = {name: await end_of(client, mallory, key) for name, key in sent.items()}
    for name, job in ends.items():
        codes = [item["code"] for item in job["rejections"]]
        assert "INTERNAL" not in codes, (name, job)
        assert all(item["reason"] for item in job["rejections"]), (name, job)
        if job["status"] == "FAILED":
            assert codes, name
            assert job["emissions"] == 0, name
        else:
            known = job["recordsImported"] + job["recordsDuplicate"] + job["recordsRejected"]
            assert job["recordsRead"] == known, (name, job)
    assert {ends[name]["status"] for name in constructed()} <= {"FAILED"}
    assert (mine["status"], mine["recordsImported"]) == ("FINISHED", 444)
    assert await total(client, ada) == mine["emissions"] > 0
    assert (await client.get("/readyz")).status_code == 200
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    assert grown < MEMORY_MAX_MIB
    assert list((resources.settings.home / "imports").iterdir()) == []
