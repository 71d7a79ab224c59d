"""Counts what the phones were told, for those who watch a demo and for its expectations at the end."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from mobile_stub.demo_state import DemoState, ImportedFile
from mobile_stub.order_book import OrderBookReplica
from mobile_stub.storage import Json

PUBLIC_TRADES_KEPT = 10_000


@dataclass(slots=True)
class Tally:
    """`report` is called with a new state after each change of phase; `state` may be asked for at any time."""

    report: Callable[[DemoState], None]
    phones: int = 0
    offline: set[int] = field(default_factory=set)
    activities: int = 0
    grams_counted: int = 0
    imports: list[ImportedFile] = field(default_factory=list)
    orders: set[str] = field(default_factory=set)
    trades: dict[int, int] = field(default_factory=dict)
    """Grams by the market's trade number."""
    captured: set[str] = field(default_factory=set)
    points_converted: int = 0
    events: int = 0
    ticker: Json | None = None
    book: OrderBookReplica | None = None
    public_trades: dict[int, Json] = field(default_factory=dict)
    _last: DemoState = field(default_factory=DemoState)
    _started: float = field(default_factory=time.monotonic)

    def enter(self, phase: str, **changes: Any) -> None:
        """Begins the next phase; `changes` are fields of DemoState that stay as they are from here on."""
        self._last = replace(self._last, phase=phase, **changes)
        self.report(self.state())

    def state(self) -> DemoState:
        book = self.book or OrderBookReplica()
        return replace(
            self._last,
            phones=self.phones,
            phones_offline=len(self.offline),
            activities=self.activities,
            grams_counted=self.grams_counted,
            imports=tuple(self.imports),
            orders=len(self.orders),
            trades=len(self.trades),
            grams_traded=sum(self.trades.values()),
            points_converted=self.points_converted,
            redemptions_captured=len(self.captured),
            events=self.events,
            last_price=self.last_price,
            best_bid=book.best_bid,
            best_ask=book.best_ask,
            bids=tuple(sorted(book.bids.items(), reverse=True)),
            asks=tuple(sorted(book.asks.items())),
            seconds=time.monotonic() - self._started,
        )

    @property
    def last_price(self) -> int | None:
        return None if self.ticker is None else self.ticker["lastPrice"]

    def take_event(self, event: Json) -> None:
        """One account event of any phone; a trade between two of them is told to both and counts once."""
        self.events += 1
        payload = event["payload"]
        if "order" in payload:
            self.orders.add(payload["order"]["clientOrderId"])
        if "fill" in payload:
            self.trades[payload["fill"]["sequence"]] = payload["fill"]["quantity"]
        if "redemption" in payload and payload["redemption"]["status"] == "CAPTURED":
            self.captured.add(payload["redemption"]["id"])

    def take_public_trade(self, trade: Json) -> None:
        """The newest are kept, by their numbers."""
        self.public_trades[trade["sequence"]] = trade
        if len(self.public_trades) > PUBLIC_TRADES_KEPT:
            del self.public_trades[min(self.public_trades)]

    def take_activity(self, recorded: Json) -> None:
        self.activities += 1
        if recorded["status"] == "COUNTED":
            self.grams_counted += recorded["emissions"]

    def take_import(self, file_name: str, imported: Json, activities: list[Json]) -> None:
        """`activities` are those that the file made."""
        self.grams_counted += imported["emissions"]
        self.imports.append(
            ImportedFile(
                file_name,
                imported["format"],
                imported["recordsImported"],
                imported["recordsDuplicate"],
                imported["recordsRejected"],
                imported["emissions"],
                sum((Decimal(entry["quantity"]) for entry in activities if entry["unit"] == "kWh"), Decimal(0)),
            )
        )
