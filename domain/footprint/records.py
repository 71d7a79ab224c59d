"""What readers give besides meter readings: counters, stated totals, journeys, purchases, charges, not judged yet.

Each names its source and, where the source has one, its record's own id, so that the same thing sent twice counts once.
Times are aware UTC; `line` is the line in the file or None. `domain/footprint/checks.py` decides what counts.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from domain.footprint.model import Commodity, Direction


@dataclass(frozen=True, slots=True)
class CounterReading:
    """What a register showed at one moment; use is the difference of two (`domain/footprint/counters.py`).

    `at` is None where the meter has no clock: the file's arrival holds. The register starts again at 0 where it would
    reach `modulus`.
    """

    source: str
    register: str
    at: datetime | None
    value: Decimal
    unit: str
    direction: Direction
    commodity: Commodity = Commodity.ELECTRICITY
    modulus: Decimal | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class StatedTotal:
    """A sum that the file itself states for a register and a time, to compare the readings with."""

    source: str
    register: str
    start: datetime
    end: datetime
    value: Decimal
    unit: str
    direction: Direction
    commodity: Commodity


TRANSIT_CARD = "Transit card"
"""The source of journeys that somebody paid with one."""


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

    `likelihood` is how sure the source is of the mode, 0 to 1, None where it does not say. `kwh` is what an electric
    car used on the way, None where the source does not say or the car is no electric one.
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
    kwh: Decimal | None = None


class PaymentKind(StrEnum):
    """What the bank says a line of a statement is. Only a PAYMENT can be spending; a payment to us is a refund."""

    PAYMENT = "PAYMENT"
    TRANSFER = "TRANSFER"
    CASH = "CASH"
    INCOME = "INCOME"
    PENDING = "PENDING"
    REVERTED = "REVERTED"


@dataclass(frozen=True, slots=True)
class Purchase:
    """One line of a bank statement: `amount` is what was spent in major units of `currency`, a refund is below zero.

    `at` lies within the day that the bank wrote; `currency` is empty where the file names none; `mcc` is the merchant
    category code of ISO 18245, four digits, or None; `category` is the bank's own word.
    """

    source: str
    record: str
    at: datetime
    amount: Decimal
    currency: str
    payee: str
    mcc: str | None = None
    line: int | None = None
    kind: PaymentKind = PaymentKind.PAYMENT
    category: str = ""


@dataclass(frozen=True, slots=True)
class Charge:
    """One session at a charging station. `kwh` is what went into the car.

    `at_home` is True where the house meter has it already, None where the file does not tell. `cancels` is the record
    that this one undoes. `region` is the ISO 3166-1 code of the socket's country, None where it is not told; `socket`
    names it, so that an answer about it can be remembered.
    """

    source: str
    record: str
    start: datetime
    end: datetime
    kwh: Decimal
    at_home: bool | None = None
    cancels: str | None = None
    line: int | None = None
    region: str | None = None
    socket: str = ""
