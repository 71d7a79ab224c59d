"""What a demo tells those who watch it, and what it tells at its end."""

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """One meter file as the server read it. `emissions` in grams; `kilowatt_hours` is what it counts as use."""

    file_name: str
    format: str
    readings: int
    duplicates: int
    rejected: int
    emissions: int
    kilowatt_hours: Decimal


@dataclass(frozen=True, slots=True)
class DemoState:
    """A moment of the demo. Masses in grams, prices in minor units per tonne; `phase` is for people to read."""

    phase: str = "starting"
    symbol: str = ""
    phones: int = 0
    phones_offline: int = 0
    activities: int = 0
    grams_counted: int = 0
    imports: tuple[ImportedFile, ...] = ()
    week: str = ""
    grams_left_over: int = 0
    orders: int = 0
    trades: int = 0
    grams_traded: int = 0
    points_converted: int = 0
    redemptions_captured: int = 0
    events: int = 0
    last_price: int | None = None
    best_bid: int | None = None
    best_ask: int | None = None
    bids: tuple[tuple[int, int], ...] = ()
    asks: tuple[tuple[int, int], ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class DemoResult:
    """The last state, and each expectation that was not met, in plain words: none means that the journey worked."""

    state: DemoState
    failures: tuple[str, ...] = field(default=())

    @property
    def ok(self) -> bool:
        return not self.failures
