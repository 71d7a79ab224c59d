"""Home Assistant: statestream (PREFIX/sensor/NAME/state beside its attributes) and discovery of others' topics.

The unit stands in a message of its own, so the reader of one pairing remembers it; the broker keeps both and sends them
again after a restart. Only the entity that was paired counts: an installation publishes the same energy many times.

A discovery message names another topic and a template. No template is ever run: only the plain path into the payload,
value_json.A.B or value_json['A']['B'], is understood.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from domain.footprint.model import Direction
from infra.capture.live.sample import BadPayload, Sample, energy, read_json, read_object

_STATE = re.compile(r"(?:.*/)?sensor/([a-z0-9_]{1,100})/(state|unit_of_measurement)", re.ASCII)
_CONFIG = re.compile(r"(?:.*/)?homeassistant/sensor/(?:[\w-]+/)?([\w-]{1,100})/config", re.ASCII)
_STEP = re.compile(r"\.(\w{1,60})|\[['\"]([\w ]{1,60})['\"]\]", re.ASCII)
_TEMPLATE = re.compile(r"\{\{\s*value_json((?:\.\w{1,60}|\[['\"][\w ]{1,60}['\"]\]){1,8})\s*\}\}", re.ASCII)
_UNITS = {"Wh": Decimal("0.001"), "kWh": Decimal(1), "MWh": Decimal(1000)}
_OUTWARD = ("export", "return", "produc", "feed_in", "solar")
_NO_VALUES = frozenset({b"unknown", b"unavailable", b"none", b""})


@dataclass(frozen=True, slots=True)
class Discovered:
    """Where an entity's energy is found: a topic, and the way into its JSON."""

    topic: str
    path: tuple[str, ...]
    kwh_per_unit: Decimal


def discovered(payload: bytes) -> Discovered | None:
    """What a discovery message of an energy counter says, in its long or short keys; None for what is none of ours."""
    content = read_object(payload)
    topic = content.get("state_topic", content.get("stat_t"))
    unit = content.get("unit_of_measurement", content.get("unit_of_meas"))
    template = content.get("value_template", content.get("val_tpl"))
    kind = content.get("device_class", content.get("dev_cla"))
    if not all(isinstance(text, str) for text in (topic, unit, template)) or kind != "energy" or unit not in _UNITS:
        return None
    plain = _TEMPLATE.fullmatch(str(template).strip())
    if plain is None:
        return None
    path = tuple(first or second for first, second in _STEP.findall(plain[1]))
    return Discovered(str(topic), path, _UNITS[str(unit)])


class HomeAssistantReader:
    """The messages of one pairing. `prefix` is the topic that pairing made: nothing outside of it is ever followed."""

    def __init__(self, entity: str, prefix: str) -> None:
        self._name = entity.partition(".")[2]
        self._prefix = f"{prefix}/"
        self._unit: Decimal | None = None
        self._found: Discovered | None = None

    def samples(self, topic: str, payload: bytes) -> list[Sample]:
        """Raises BadPayload."""
        stated = _STATE.fullmatch(topic)
        if stated is not None:
            return self._stated(stated[2], payload) if stated[1] == self._name else []
        config = _CONFIG.fullmatch(topic)
        if config is not None:
            if config[1].lower() == self._name:
                found = discovered(payload)
                self._found = found if found and found.topic.startswith(self._prefix) else None
            return []
        if self._found is not None and self._found.topic == self._prefix + topic:
            return [self._sample(_followed(read_json(payload), self._found.path), self._found.kwh_per_unit)]
        return []

    def _stated(self, attribute: str, payload: bytes) -> list[Sample]:
        if attribute == "unit_of_measurement":
            self._unit = _UNITS.get(str(read_json(payload)))
            return []
        if self._unit is None or payload.strip().lower() in _NO_VALUES:
            return []
        return [self._sample(read_json(payload), self._unit)]

    def _sample(self, value: Any, kwh_per_unit: Decimal) -> Sample:
        outward = any(word in self._name for word in _OUTWARD)
        direction = Direction.EXPORT if outward else Direction.IMPORT
        return Sample(self._name, "out" if outward else "in", energy(value, kwh_per_unit), direction)


def _followed(value: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        if not isinstance(value, dict) or step not in value:
            raise BadPayload("the payload does not have what the discovery message names")
        value = value[step]
    return value
