"""Shelly of the first generation: shellies/ID/relay/0/energy in watt-minutes, shellies/ID/emeter/0/total in Wh.

A relay's counter returns to 0 when the plug loses power. The whole status of a device, as its own HTTP page gives it,
has the same counters under meters and emeters.
"""

import re
from decimal import Decimal
from typing import Any

from domain.footprint.model import Direction
from infra.capture.live.sample import Sample, energy, name, number, read_object

WATT_MINUTE = Decimal(1) / 60_000
WATT_HOUR = Decimal(1) / 1_000
_COUNTER = re.compile(
    r"shellies/([^/]+)/(?:(relay|light|roller)/(\d)/energy|emeter/(\d)/(total|total_returned))", re.ASCII
)


def samples(topic: str, payload: bytes) -> list[Sample]:
    """Raises BadPayload."""
    found = _COUNTER.fullmatch(topic)
    if found is None:
        return _status(topic, payload) if topic.startswith("shellies/") and topic.endswith(("/status", "-http")) else []
    device, part, channel, meter, counter = found.groups()
    if part:
        return [Sample(name(device), f"{part}:{channel} in", energy(number(payload), WATT_MINUTE), Direction.IMPORT)]
    direction = Direction.EXPORT if counter == "total_returned" else Direction.IMPORT
    return [_emeter(name(device), int(meter), direction, number(payload))]


def _status(topic: str, payload: bytes) -> list[Sample]:
    device, content = name(topic.split("/")[1]), read_object(payload)
    found = [
        Sample(device, f"relay:{channel} in", energy(meter["total"], WATT_MINUTE), Direction.IMPORT)
        for channel, meter in enumerate(_list(content.get("meters")))
        if "total" in meter
    ]
    for channel, meter in enumerate(_list(content.get("emeters"))):
        for key, direction in (("total", Direction.IMPORT), ("total_returned", Direction.EXPORT)):
            if key in meter:
                found.append(_emeter(device, channel, direction, meter[key]))
    return found


def _emeter(device: str, channel: int, direction: Direction, value: Any) -> Sample:
    way = "out" if direction is Direction.EXPORT else "in"
    return Sample(device, f"emeter:{channel} {way}", energy(value, WATT_HOUR), direction)


def _list(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
