"""The replica of one market in this process: its book by price, its newest trades, its day.

It is loaded on first use, then follows the changes that the writer committed. It knows nothing by itself: who reads it
calls `refresh` first, or waits until its own watcher is woken.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time

from domain.orders.depth import Depth
from domain.orders.model import BookSnapshot, Candle, Instrument, PublicTrade, Ticker, Trading, TradingPhase
from domain.units import OUTSIDE_MAX
from infra.postgres.feed import BookChange, MarketImage, PostgresFeed

PAGE = 1_000
"""A replica that fell further behind than this is loaded anew."""
TAIL = 1_000

Clock = Callable[[], datetime]


class MarketFeed:
    def __init__(self, instrument: Instrument, store: PostgresFeed, clock: Clock) -> None:
        self.instrument = instrument
        self.watchers: set[asyncio.Event] = set()
        self.trade_sequence = 0
        self._symbol = instrument.symbol
        self._store = store
        self._clock = clock
        self._depth: Depth | None = None
        self._views: dict[int, BookSnapshot] = {}
        self._book_sequence = 0
        self._changed_at: datetime | None = None
        self._last_price: int | None = None
        self._day: Candle | None = None
        self._trading = Trading()
        self._session_start: datetime | None = None
        self._tail: list[PublicTrade] = []
        self._current: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    async def refresh(self) -> None:
        """Afterwards the replica shows every commit before the call; calls at the same time share one read."""
        if self._next is None:
            self._next = asyncio.create_task(self._read_after(self._current))
            self._next.add_done_callback(lambda read: read.cancelled() or read.exception())
        await asyncio.shield(self._next)

    async def _read_after(self, previous: asyncio.Task[None] | None) -> None:
        """Lets the read under way end, which may have begun before its callers' commits, then makes one of its own."""
        if previous is not None:
            await asyncio.wait([previous])
        self._current, self._next = self._next, None
        if await self._read():
            self.wake()

    def wake(self) -> None:
        for watcher in self.watchers:
            watcher.set()

    def view(self, depth: int) -> BookSnapshot:
        """The best `depth` levels; only after the first `refresh`, as all that follows."""
        view = self._views.get(depth)
        if view is None and self._depth is not None:
            view = self._views[depth] = self._depth.view(self._symbol, self._book_sequence, depth, self._trading)
        assert view is not None, "the replica was read before it was loaded"
        return view

    def ticker(self) -> Ticker:
        top = self.view(1)
        start = self._start(self._clock())
        day = self._day if self._day and self._day.opened_at == start else None
        return Ticker(
            symbol=self._symbol,
            last_price=self._last_price,
            best_bid=top.bids[0].price if top.bids else None,
            best_ask=top.asks[0].price if top.asks else None,
            open=day.open if day else None,
            high=day.high if day else None,
            low=day.low if day else None,
            volume=day.volume if day else 0,
            sequence=self.trade_sequence,
            at=max(self._changed_at or start, start),
        )

    def trades_after(self, sequence: int) -> Sequence[PublicTrade] | None:
        """The trades past this counter, oldest first; None where the newest ones kept here do not reach back so far."""
        if sequence >= self.trade_sequence:
            return ()
        if not self._tail or self._tail[0].sequence > sequence + 1:
            return None
        return self._tail[sequence + 1 - self._tail[0].sequence :]

    async def _read(self) -> bool:
        """True where anything changed."""
        if self._depth is None:
            await self._load()
            return True
        changes, trades = await self._store.news(
            self.instrument.id, self._symbol, self._book_sequence, self.trade_sequence, PAGE
        )
        if not changes and not trades:
            return False
        calls_for_all = any(change.trading.phase is not self._trading.phase for change in changes)
        if calls_for_all or max(len(changes), len(trades)) == PAGE or not _follow(self._book_sequence, changes):
            await self._load()
        else:
            self._apply(self._depth, changes, trades)
        return True

    async def _load(self) -> None:
        start = self._start(self._clock())
        image: MarketImage = await self._store.image(self.instrument.id, self._symbol, start)
        depth = Depth()
        for side, level in image.levels:
            depth.set_level(side, level)
        self._depth = depth
        self._views.clear()
        self._book_sequence = image.book_sequence
        self._changed_at = image.changed_at
        self._day = image.day
        self._trading = image.trading
        if image.trading.phase is not TradingPhase.CLOSED:
            self._session_start = image.session_start
        self._tail = [image.last_trade] if image.last_trade else []
        self._last_price = image.last_trade.price if image.last_trade else None
        self.trade_sequence = image.last_trade.sequence if image.last_trade else 0

    def _start(self, at: datetime) -> datetime:
        """Since when the day's figures count: the start of the calendar's session, else midnight of UTC."""
        return self._session_start or _midnight(at)

    def _apply(self, depth: Depth, changes: Sequence[BookChange], trades: Sequence[PublicTrade]) -> None:
        for change in changes:
            for side, level in change.levels:
                depth.set_level(side, level)
            self._book_sequence = change.sequence
            self._changed_at = change.at
            self._trading = change.trading
        self._views.clear()
        for trade in trades:
            self._day = _day_with(self._day, trade, self._start(trade.at))
            self._last_price = trade.price
            self.trade_sequence = trade.sequence
        self._tail = [*self._tail, *trades][-TAIL:]


def _follow(sequence: int, changes: Sequence[BookChange]) -> bool:
    """True where each change names the one before it, beginning with this sequence."""
    for change in changes:
        if change.previous_sequence != sequence:
            return False
        sequence = change.sequence
    return True


def _day_with(day: Candle | None, trade: PublicTrade, start: datetime) -> Candle:
    if day is None or day.opened_at != start:
        return Candle(start, trade.price, trade.price, trade.price, trade.price, trade.quantity, 1)
    return replace(
        day,
        high=max(day.high, trade.price),
        low=min(day.low, trade.price),
        close=trade.price,
        volume=min(day.volume + trade.quantity, OUTSIDE_MAX),
        trades=day.trades + 1,
    )


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.astimezone(UTC).date(), time.min, UTC)
