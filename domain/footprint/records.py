"""What readers give besides meter readings: journeys, purchases and charges, not judged yet.

Each names its source and, where the source has one, its record's own id, so that the same thing sent twice counts once.
Times are aware UTC; `line` is the line in the file or None. `domain/footprint/checks.py` decides what counts.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class TravelMode(StrEnum):
    """How somebody moved, as far as the source knows. MOTORISED is a car, bus or train that cannot be told apart."""

    WALK = "WALK"
    BICYCLE = "BICYCLE"
    CAR = "CAR"
    MOTORCYCLE = "MOTORCYCLE"
    TAXI = "TAXI"
    BUS = "BUS"
    TRAM = "TRAM"
    METRO = "METRO"
    TRAIN = "TRAIN"
    FERRY = "FERRY"
    PLANE = "PLANE"
    MOTORISED = "MOTORISED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Position:
    """One point of a track: degrees of WGS 84 as the file wrote them; `at` is None where the file has no time."""

    at: datetime | None
    latitude: Decimal
    longitude: Decimal
    accuracy_metres: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Journey:
    """One movement by one mode. `metres` is the source's own distance or None where `track` gives it.

    `likelihood` is how sure the source is of the mode, 0 to 1, None where it does not say.
    """

    source: str
    record: str
    start: datetime
    end: datetime
    mode: TravelMode
    metres: Decimal | None = None
    track: tuple[Position, ...] = ()
    likelihood: Decimal | None = None
    shared_by: int = 1
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Purchase:
    """One line of a bank statement: `amount` is what was spent in major units of `currency`, a refund is below zero.

    `mcc` is the merchant category code of ISO 18245, four digits, or None where the bank gives none.
    """

    source: str
    record: str
    at: datetime
    amount: Decimal
    currency: str
    payee: str
    mcc: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """One session at a charging station. `kwh` is what went into the car.

    `at_home` is True where the house meter has it already, None where the file does not tell. `cancels` is the record
    that this one undoes.
    """

    source: str
    record: str
    start: datetime
    end: datetime
    kwh: Decimal
    at_home: bool | None = None
    cancels: str | None = None
    line: int | None = None
