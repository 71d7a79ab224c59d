"""Meters and plugs that report by MQTT: who owns what they send, and how a person sets one up.

The topic decides the owner, never the payload: pairing makes a topic that nobody can guess, and the device is set to
publish under it. What a device measures behind a house meter that is read too is kept and not counted a second time.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.errors import InvalidInput
from domain.ids import new_id, new_topic_key

TOPIC_ROOT = "gramme"
SHELLIES = "shellies"
KEY_LENGTH = 26
NAME_LENGTH_MAX = 80
_ENTITY = re.compile(r"sensor\.[a-z0-9_]{1,100}", re.ASCII)
_KEY = re.compile(rf"[0-9a-z]{{{KEY_LENGTH}}}", re.ASCII)


class MeterDeviceKind(StrEnum):
    """SHELLY is generation 2 to 4. HOME_ASSISTANT passes on one energy entity of its own."""

    TASMOTA = "TASMOTA"
    SHELLY_GEN1 = "SHELLY_GEN1"
    SHELLY = "SHELLY"
    ZIGBEE2MQTT = "ZIGBEE2MQTT"
    HOME_ASSISTANT = "HOME_ASSISTANT"


@dataclass(frozen=True, slots=True)
class PairedDevice:
    """`key` stands in the topic; `entity` is the one of HOME_ASSISTANT that counts, else empty."""

    id: UUID
    owner: int
    kind: MeterDeviceKind
    name: str
    key: str
    entity: str
    is_within_meter: bool
    region: str
    time_zone: str
    paired_at: datetime
    last_heard_at: datetime | None = None

    @property
    def topic(self) -> str:
        if self.kind is MeterDeviceKind.SHELLY_GEN1:
            return f"{SHELLIES}/{TOPIC_ROOT}-{self.key}"
        return f"{TOPIC_ROOT}/{self.key}"


@dataclass(frozen=True, slots=True)
class DeviceSetting:
    """One thing to set on the device, in the device's own words."""

    name: str
    value: str


def settings_of(device: PairedDevice) -> list[DeviceSetting]:
    """What to set so that the device's messages reach its owner."""
    topic = device.topic
    match device.kind:
        case MeterDeviceKind.TASMOTA:
            return [DeviceSetting("FullTopic", f"{topic}/%prefix%/%topic%/"), DeviceSetting("SetOption4", "0")]
        case MeterDeviceKind.SHELLY_GEN1:
            return [DeviceSetting("mqtt_id", topic.partition("/")[2]), DeviceSetting("mqtt_max_qos", "1")]
        case MeterDeviceKind.SHELLY:
            return [
                DeviceSetting("topic_prefix", f"{topic}/shelly"),
                DeviceSetting("rpc_ntf", "true"),
            ]
        case MeterDeviceKind.ZIGBEE2MQTT:
            return [
                DeviceSetting("mqtt.base_topic", f"{topic}/zigbee2mqtt"),
                DeviceSetting("device_options.qos", "1"),
                DeviceSetting("advanced.last_seen", "ISO_8601"),
            ]
        case MeterDeviceKind.HOME_ASSISTANT:
            return [
                DeviceSetting("mqtt_statestream.base_topic", f"{topic}/homeassistant/statestream"),
                DeviceSetting("mqtt_statestream.publish_attributes", "true"),
                DeviceSetting("mqtt_statestream.include.entities", device.entity),
            ]


def new_device(
    *,
    owner: int,
    kind: MeterDeviceKind,
    name: str,
    entity: str | None,
    is_within_meter: bool,
    region: str,
    time_zone: str,
    now: datetime,
) -> PairedDevice:
    """A pairing with a topic of its own; raises InvalidInput."""
    name = name.strip()
    if not 0 < len(name) <= NAME_LENGTH_MAX or not (name.isascii() and name.isprintable()):
        raise InvalidInput(f"A name has 1 to {NAME_LENGTH_MAX} plain letters, digits and signs.", field="name")
    is_home = kind is MeterDeviceKind.HOME_ASSISTANT
    if is_home and not _ENTITY.fullmatch(entity or ""):
        raise InvalidInput("Name the energy entity that counts, such as sensor.grid_import.", field="entity")
    if entity and not is_home:
        raise InvalidInput("Only a pairing of HOME_ASSISTANT has an entity.", field="entity")
    return PairedDevice(
        id=new_id(now),
        owner=owner,
        kind=kind,
        name=name,
        key=new_topic_key(),
        entity=entity or "",
        is_within_meter=is_within_meter,
        region=region,
        time_zone=time_zone,
        paired_at=now,
    )


def split_topic(topic: str) -> tuple[str, str] | None:
    """The key in a topic and what follows it as the device wrote it; None where it is no topic of ours."""
    root, _, rest = topic.partition("/")
    first, _, below = rest.partition("/")
    if root == TOPIC_ROOT and _KEY.fullmatch(first):
        return first, below
    if root == SHELLIES and first.startswith(f"{TOPIC_ROOT}-") and _KEY.fullmatch(first.removeprefix(f"{TOPIC_ROOT}-")):
        return first.removeprefix(f"{TOPIC_ROOT}-"), f"{root}/{rest}"
    return None
