"""Tasmota: tele/NAME/SENSOR, and stat/NAME/STATUS10 with the same under StatusSNS.

ENERGY.Total is a number, a list or an object of channels, whose sum counts. TotalTariff, Today and the phases are views
of the same energy. A meter read by an SML script stands in an object of its own with Total_in and Total_out. `Time` has
no zone and is of 1970 before the clock is set, so the arrival counts.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from domain.footprint.model import Direction
from infra.capture.live.sample import BadPayload, Sample, energy, name, read_object

_METER = {"total_in": Direction.IMPORT, "e_in": Direction.IMPORT} | {
    "total_out": Direction.EXPORT,
    "e_out": Direction.EXPORT,
}


def samples(topic: str, payload: bytes) -> list[Sample]:
    """`topic` is what follows the person's own; raises BadPayload."""
    parts = topic.split("/")
    if len(parts) != 3 or (parts[0], parts[2]) not in {("tele", "SENSOR"), ("stat", "STATUS10"), ("stat", "STATUS8")}:
        return []
    device, content = name(parts[1]), read_object(payload)
    content = content.get("StatusSNS", content)
    if not isinstance(content, dict):
        raise BadPayload("StatusSNS is not an object")
    found: list[Sample] = []
    for key, value in content.items():
        if not isinstance(value, dict):
            continue
        if key == "ENERGY":
            found.extend(_plug(device, value))
        else:
            found.extend(_meter(device, name(key), value))
    return found


def _plug(device: str, values: Mapping[str, Any]) -> list[Sample]:
    found = [Sample(device, "in", _sum(values["Total"]), Direction.IMPORT)] if "Total" in values else []
    if "ExportActive" in values:
        found.append(Sample(device, "out", _sum(values["ExportActive"]), Direction.EXPORT))
    return found


def _meter(device: str, meter: str, values: Mapping[str, Any]) -> list[Sample]:
    return [
        Sample(device, f"{meter} {'out' if direction is Direction.EXPORT else 'in'}", energy(value), direction)
        for key, value in values.items()
        if (direction := _METER.get(key.lower())) is not None
    ]


def _sum(value: Any) -> Decimal:
    if isinstance(value, list | dict):
        parts = value if isinstance(value, list) else list(value.values())
        if not parts:
            raise BadPayload("the energy has no channel")
        return sum((energy(part) for part in parts), Decimal(0))
    return energy(value)
