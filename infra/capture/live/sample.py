"""What the payloads of all devices come to, and how their JSON is read."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from domain.footprint.model import Direction

PAYLOAD_MAX_BYTES = 65_536
KWH_MAX = Decimal(10**8)
NAME_LENGTH_MAX = 120


class BadPayload(Exception):
    """Nothing of this message can be used; the text says why, for the log."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one counter of a device shows: kWh since it began. `at` is the device's own time where that can be told."""

    device: str
    register: str
    kwh: Decimal
    direction: Direction
    at: datetime | None = None


def read_json(payload: bytes) -> Any:
    """The value, numbers as Decimal; raises BadPayload."""
    if len(payload) > PAYLOAD_MAX_BYTES:
        raise BadPayload("the payload is too long")
    try:
        return json.loads(payload, parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise BadPayload("the payload is not JSON") from error


def read_object(payload: bytes) -> dict[str, Any]:
    value = read_json(payload)
    if not isinstance(value, dict):
        raise BadPayload("the payload is not a JSON object")
    return value


def energy(value: Any, kwh_per_unit: Decimal = Decimal(1)) -> Decimal:
    """A counter's value in kWh; raises BadPayload where it is no number that a counter can show."""
    if not isinstance(value, Decimal) or not value.is_finite() or not 0 <= value <= KWH_MAX / kwh_per_unit:
        raise BadPayload("the energy is not a number that a counter can show")
    return round(value * kwh_per_unit, 9)


def number(payload: bytes) -> Decimal:
    """A payload that is a bare number."""
    value = read_json(payload.strip())
    if not isinstance(value, Decimal):
        raise BadPayload("the payload is not a number")
    return value


def moment(seconds: Any) -> datetime | None:
    """A moment of seconds since 1970; None where there is none."""
    if not isinstance(seconds, Decimal) or not 0 < seconds < 10**11:
        return None
    return datetime.fromtimestamp(float(seconds), UTC)


def name(text: str) -> str:
    """The name of a device or register as it can be stored; raises BadPayload for one that is empty or too long."""
    if not 0 < len(text) <= NAME_LENGTH_MAX or not (text.isascii() and text.isprintable()):
        raise BadPayload("a name is empty, too long or cannot be read")
    return text


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is not JSON")
