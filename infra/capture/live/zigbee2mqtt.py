"""zigbee2mqtt: zigbee2mqtt/NAME with `energy` and `produced_energy` in kWh.

Updates are partial: what is missing is unchanged. Names may have slashes.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from domain.footprint.model import Direction
from infra.capture.live.sample import Sample, energy, moment, name, read_object

_NO_STATES = ("/availability", "/set", "/get")
_COUNTERS = {"energy": ("in", Direction.IMPORT), "produced_energy": ("out", Direction.EXPORT)}


def samples(topic: str, payload: bytes) -> list[Sample]:
    """Raises BadPayload."""
    base, _, device = topic.partition("/")
    if base != "zigbee2mqtt" or device.startswith("bridge/") or device.endswith(_NO_STATES) or not payload:
        return []
    content = read_object(payload)
    at = _seen(content.get("last_seen"))
    return [
        Sample(name(device), register, energy(content[key]), direction, at)
        for key, (register, direction) in _COUNTERS.items()
        if content.get(key) is not None
    ]


def _seen(value: Any) -> datetime | None:
    """`last_seen` is a text with an offset or milliseconds since 1970, as zigbee2mqtt is set."""
    if isinstance(value, Decimal):
        return moment(value / 1_000)
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
        return found.astimezone(UTC) if found is not None and found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
