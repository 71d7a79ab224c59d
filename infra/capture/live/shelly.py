"""Shelly of generations 2 to 4: ID/status/switch:0, and ID/events/rpc with NotifyStatus and NotifyFullStatus, in Wh.

Frames are partial: what is missing is unchanged. A three-phase meter's total_act is the sum of its phases, which are
not added again; by_minute is in mWh and another view of the same. Whether `aenergy` has the returned energy in it
differs by firmware: both registers are kept as they are.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.footprint.model import Direction
from infra.capture.live.sample import BadPayload, Sample, energy, moment, name, read_object

WATT_HOUR = Decimal(1) / 1_000
_COMPONENT = re.compile(r"(switch|cover|light|pm1|em1data|emdata):\d{1,3}", re.ASCII)
_FLAT = {
    "total_act": Direction.IMPORT,
    "total_act_ret": Direction.EXPORT,
    "total_act_energy": Direction.IMPORT,
    "total_act_ret_energy": Direction.EXPORT,
}
_NESTED = {"aenergy": Direction.IMPORT, "ret_aenergy": Direction.EXPORT}


def samples(topic: str, payload: bytes) -> list[Sample]:
    """Raises BadPayload."""
    device, _, rest = topic.partition("/")
    if rest.startswith("status/") and _COMPONENT.fullmatch(rest.removeprefix("status/")):
        return _component(name(device), rest.removeprefix("status/"), read_object(payload), None)
    if rest != "events/rpc":
        return []
    frame = read_object(payload)
    content = frame.get("params")
    if frame.get("method") not in {"NotifyStatus", "NotifyFullStatus"} or not isinstance(content, dict):
        return []
    at = moment(content.get("ts"))
    return [
        sample
        for key, values in content.items()
        if _COMPONENT.fullmatch(key) and isinstance(values, dict)
        for sample in _component(name(device), key, values, at)
    ]


def _component(device: str, component: str, values: Mapping[str, Any], at: datetime | None) -> list[Sample]:
    found = [
        _sample(device, component, direction, values[key], at) for key, direction in _FLAT.items() if key in values
    ]
    for key, direction in _NESTED.items():
        counter = values.get(key)
        if counter is None:
            continue
        if not isinstance(counter, dict):
            raise BadPayload(f"{key} is not an object")
        if "total" in counter:
            found.append(_sample(device, component, direction, counter["total"], at))
    return found


def _sample(device: str, component: str, direction: Direction, value: Any, at: datetime | None) -> Sample:
    way = "out" if direction is Direction.EXPORT else "in"
    return Sample(device, f"{component} {way}", energy(value, WATT_HOUR), direction, at)
