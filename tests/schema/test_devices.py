"""Pairing over GraphQL: a topic that nobody can guess, and what to set on the device."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

import httpx
import pytest

from api.app import create_app
from domain.footprint.devices import MeterDeviceKind, split_topic
from tests.conftest import TestDatabase, graphql, sign_up

PAIR = """mutation ($input: PairDeviceInput!) { pairDevice(input: $input) {
    ... on PairedDevice { id kind name topic isWithinMeter lastHeardAt settings { name value } }
    ... on UserError { code message } } }"""
UNPAIR = "mutation ($id: ID!) { unpairDevice(id: $id) }"
LIST = "{ viewer { pairedDevices { id topic } } }"


@pytest.fixture
async def listening(database: TestDatabase) -> AsyncIterator[httpx.AsyncClient]:
    """A server whose broker is away."""
    app = create_app(replace(database.settings, mqtt_url="mqtt://127.0.0.1:1"))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        transport = httpx.ASGITransport(app)
        yield await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://gramme.test"))


async def test_a_device_is_paired_and_unpaired(listening: httpx.AsyncClient) -> None:
    ada, bob = await sign_up(listening, "Ada"), await sign_up(listening, "Bob")
    for kind in MeterDeviceKind:
        values = {"kind": kind.value, "name": "Meter"} | (
            {"entity": "sensor.grid"} if kind is MeterDeviceKind.HOME_ASSISTANT else {}
        )
        answer = await graphql(listening, PAIR, {"input": values}, ada.token)
        paired = answer["data"]["pairDevice"]
        assert paired["kind"] == kind.value
        assert split_topic(f"{paired['topic']}/x") is not None
        assert paired["topic"].partition("/")[2] in " ".join(item["value"] for item in paired["settings"])
    listed = (await graphql(listening, LIST, token=ada.token))["data"]["viewer"]["pairedDevices"]
    assert len({item["topic"] for item in listed}) == len(MeterDeviceKind)
    assert (await graphql(listening, LIST, token=bob.token))["data"]["viewer"]["pairedDevices"] == []
    first = {"id": listed[0]["id"]}
    assert (await graphql(listening, UNPAIR, first, bob.token))["data"] == {"unpairDevice": False}
    assert (await graphql(listening, UNPAIR, first, ada.token))["data"] == {"unpairDevice": True}
    assert (await graphql(listening, UNPAIR, first, ada.token))["data"] == {"unpairDevice": False}
    left = (await graphql(listening, LIST, token=ada.token))["data"]["viewer"]["pairedDevices"]
    assert left == listed[1:]


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "TASMOTA", "name": ""},
        {"kind": "TASMOTA", "name": "a" * 81},
        {"kind": "TASMOTA", "name": "m\u00fcller\n"},
        {"kind": "TASMOTA", "name": "x", "entity": "sensor.x"},
        {"kind": "HOME_ASSISTANT", "name": "x"},
        {"kind": "HOME_ASSISTANT", "name": "x", "entity": "light.x/#"},
    ],
)
async def test_a_pairing_that_is_refused(listening: httpx.AsyncClient, values: dict[str, str]) -> None:
    ada = await sign_up(listening, "Ada")
    answer = await graphql(listening, PAIR, {"input": values}, ada.token)
    assert answer["data"]["pairDevice"]["code"] == "INVALID_INPUT"


async def test_without_a_broker_nothing_is_paired(client: httpx.AsyncClient) -> None:
    ada = await sign_up(client, "Ada")
    answer = await graphql(client, PAIR, {"input": {"kind": "TASMOTA", "name": "Plug"}}, ada.token)
    assert answer["data"]["pairDevice"]["code"] == "NOT_FOUND"


async def test_the_formats_are_listed(client: httpx.AsyncClient) -> None:
    answer = await graphql(client, "{ importFormats { name description fileKinds docs } }")
    listed = {item["name"]: item for item in answer["data"]["importFormats"]}
    assert {"GREEN_BUTTON", "NEM12", "DSMR_P1", "OCTOPUS", "N3RGY", "GENERIC"} < set(listed)
    assert listed["DSMR_P1"]["docs"] == "docs/capture.md#dsmr_p1"
    assert listed["NEM12"]["fileKinds"] == [".csv", ".zip"]
