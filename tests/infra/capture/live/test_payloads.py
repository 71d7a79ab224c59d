"""Payloads that devices sent, and what their counters show."""

import json
from decimal import Decimal
from typing import Any

import pytest

from domain.footprint.model import Direction
from infra.capture.live import shelly, shelly_gen1, tasmota, zigbee2mqtt
from infra.capture.live.home_assistant import Discovered, HomeAssistantReader, discovered
from infra.capture.live.sample import BadPayload, Sample
from tests.infra.capture.files import DATA

MESSAGES = [
    json.loads(line, parse_float=Decimal) for line in (DATA / "mqtt" / "messages.jsonl").read_text().splitlines()
]
BY_ID = {message["id"]: message for message in MESSAGES}
READERS = {
    "tas": tasmota.samples,
    "sh1": shelly_gen1.samples,
    "sh2": shelly.samples,
    "sh4": shelly.samples,
    "sh3em": shelly.samples,
    "z2m": zigbee2mqtt.samples,
}
GOOD = [message for message in MESSAGES if message["id"].split("-")[0] in READERS]


def read(message: dict[str, Any]) -> list[Sample]:
    return READERS[message["id"].split("-")[0]](message["topic"], message["payload"].encode())


def total(samples: list[Sample], direction: Direction) -> Decimal:
    return sum((sample.kwh for sample in samples if sample.direction is direction), Decimal(0))


def wanted(expect: dict[str, Any], way: str) -> Decimal | None:
    for key in (f"{way}_kwh_total", f"{way}_kwh_sum"):
        if key in expect:
            value = expect[key]
            return sum(value, Decimal(0)) if isinstance(value, list) else Decimal(value)
    meters = expect.get("meters", expect.get("emeters", []))
    key = "energy_kwh" if "meters" in expect and way == "import" else f"{way}_kwh"
    found = [meter[key] for meter in meters if key in meter]
    return sum(found, Decimal(0)) if found else None


@pytest.mark.parametrize("message", GOOD, ids=lambda message: message["id"])
def test_what_devices_sent(message: dict[str, Any]) -> None:
    samples = read(message)
    use, export = wanted(message["expect"], "import"), wanted(message["expect"], "export")
    assert (samples != []) is (use is not None or export is not None)
    assert round(total(samples, Direction.IMPORT), 6) == pytest.approx(use or 0, abs=Decimal("0.0001"))
    if export is not None:
        assert total(samples, Direction.EXPORT) == export
    assert len({(sample.device, sample.register) for sample in samples}) == len(samples)


def test_a_partial_frame_speaks_of_one_channel_and_its_time() -> None:
    full, partial = read(BY_ID["sh4-1"]), read(BY_ID["sh4-2"])
    assert {sample.register for sample in full} == {f"switch:{n} in" for n in range(4)} | {"switch:0 out"}
    [sample] = partial
    [before] = [item for item in full if item.register == sample.register]
    assert (sample.kwh - before.kwh) * 1_000 == BY_ID["sh4-2"]["expect"]["delta_wh_since_sh4-1"]
    assert sample.at is not None
    assert sample.at.timestamp() == pytest.approx(1_762_082_700.12)


@pytest.mark.parametrize("message", [m for m in MESSAGES if m["id"].startswith("bad")], ids=lambda m: m["id"])
def test_what_must_not_be_believed(message: dict[str, Any]) -> None:
    reader = tasmota.samples if message["topic"].startswith("tele/") else shelly.samples
    if "use_arrival_time" in message["expect"]:
        [sample] = reader(message["topic"], message["payload"].encode())
        assert sample.at is None
        return
    with pytest.raises(BadPayload):
        reader(message["topic"], message["payload"].encode())


HOSTILE = [b"", b"\xff\xfe", b"null", b"[]", b"{", b"1e999999999", b"9" * 70_000, b"[" * 60_000, b'{"a":' * 10_000]


@pytest.mark.parametrize("payload", HOSTILE)
@pytest.mark.parametrize(
    ("reader", "topic"),
    [
        (tasmota.samples, "tele/plug/SENSOR"),
        (shelly_gen1.samples, "shellies/x/relay/0/energy"),
        (shelly.samples, "x/events/rpc"),
        (zigbee2mqtt.samples, "zigbee2mqtt/plug"),
    ],
)
def test_hostile_payloads(reader: Any, topic: str, payload: bytes) -> None:
    try:
        assert reader(topic, payload) == []
    except BadPayload:
        pass


# ---------------------------------------------------------------- Home Assistant


def reader() -> HomeAssistantReader:
    return HomeAssistantReader("sensor.grid_import", "gramme/key")


STATE = BY_ID["ha-2"]["topic"]
UNIT = BY_ID["ha-3"]["topic"]


def test_a_state_counts_once_its_unit_is_known() -> None:
    home = reader()
    assert home.samples(STATE, b"10234.517") == []
    assert home.samples(UNIT, b'"kWh"') == []
    [sample] = home.samples(STATE, b"10234.517")
    assert (sample.kwh, sample.direction) == (Decimal("10234.517"), Direction.IMPORT)
    assert home.samples(STATE, b"unavailable") == []
    assert home.samples(UNIT, b'"Wh"') == []
    assert home.samples(STATE, b"10234.517")[0].kwh == Decimal("10.234517")
    assert home.samples(UNIT, b'"\\u00b0C"') == []
    assert home.samples(STATE, b"21") == []


def test_another_entity_is_another_s() -> None:
    home = reader()
    home.samples(UNIT, b'"kWh"')
    assert home.samples(STATE.replace("grid_import", "kitchen"), b"5") == []


def test_discovery_in_short_keys() -> None:
    message = BY_ID["ha-1"]
    assert discovered(message["payload"].encode()) == Discovered("tele/plug001/SENSOR", ("ENERGY", "Total"), Decimal(1))


CONFIG = {"state_topic": "gramme/key/tele/p/SENSOR", "unit_of_measurement": "Wh", "device_class": "energy"}
PLAIN = "{{ value_json.ENERGY.Total }}"


def test_a_discovered_topic_is_followed_by_its_plain_path() -> None:
    home = reader()
    config = json.dumps(CONFIG | {"value_template": PLAIN}).encode()
    assert home.samples("homeassistant/sensor/grid_import/config", config) == []
    [sample] = home.samples("tele/p/SENSOR", b'{"ENERGY": {"Total": 1500}}')
    assert sample.kwh == Decimal("1.5")
    with pytest.raises(BadPayload):
        home.samples("tele/p/SENSOR", b'{"ENERGY": {}}')


@pytest.mark.parametrize(
    "changed",
    [
        {"value_template": "{{ value_json.ENERGY.Total | float }}"},
        {"value_template": "{{ value_json.ENERGY.Total }}{{ cycler.__init__.__globals__ }}"},
        {"value_template": "{% for x in range(10**9) %}{% endfor %}"},
        {"value_template": "{{ ''.__class__ }}"},
        {"device_class": "power"},
        {"unit_of_measurement": "W"},
        {"state_topic": 7},
    ],
)
def test_a_template_is_never_run(changed: dict[str, Any]) -> None:
    assert discovered(json.dumps(CONFIG | {"value_template": PLAIN} | changed).encode()) is None


def test_a_topic_outside_of_the_pairing_is_not_followed() -> None:
    home = reader()
    config = json.dumps(CONFIG | {"value_template": PLAIN, "state_topic": "gramme/other/tele/p/SENSOR"}).encode()
    home.samples("homeassistant/sensor/grid_import/config", config)
    assert home.samples("tele/p/SENSOR", b'{"ENERGY": {"Total": 1500}}') == []
