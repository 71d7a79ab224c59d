"""The relay: news after the commit, to everybody in this process who follows it.

One listener per process reads the batches past its cursor, on a hint from Redis and every half second without one, and
wakes the followers of the people and markets that they touched. A follower reads by its own cursor, so nothing is lost
or told twice, whatever happens to Redis, to Postgres or to the relay itself: they only make news late. Account events
and trades come one by one; prices and books show the newest state, however slow their reader is.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import ParamSpec, TypeVar
from uuid import UUID

from domain.errors import InvalidCursor, NotFound, Resync, Unavailable
from domain.events import AccountEvent
from domain.footprint.model import ImportJob, ImportStatus
from domain.orders.depth import first_update, update_between
from domain.orders.model import BookSnapshot, BookUpdate, PublicTrade, Ticker
from domain.ports import ImportStore, MarketStore
from infra.market_feed import Clock, MarketFeed
from infra.postgres.connection import Database, is_unavailable
from infra.postgres.events import PostgresEvents, Wanted
from infra.postgres.feed import PostgresFeed
from infra.redis.subscriber import Subscriber
from infra.shared_read import SharedRead
from infra.tasks import end_task

POLL_SECONDS = 0.5
IMPORT_POLL_SECONDS = 0.25
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0
BATCHES_PER_READ = 1_000
PEOPLE_PER_READ = 100
EVENTS_PER_READ = 100
TRADES_PER_READ = 500

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


class Relay:
    """Implements `domain.ports.Streams`; its streams end when it is closed."""

    def __init__(
        self, database: Database, subscriber: Subscriber, market: MarketStore, imports: ImportStore, clock: Clock = _now
    ) -> None:
        self._subscriber = subscriber
        self._market = market
        self._imports = imports
        self._clock = clock
        self._events = PostgresEvents(database)
        self._feed_store = PostgresFeed(database)
        self._pages = SharedRead(self._events.pages, PEOPLE_PER_READ)
        self._last_sequences = SharedRead(self._events.last_sequences, 10 * PEOPLE_PER_READ)
        self._feeds: dict[str, MarketFeed] = {}
        self._owners: dict[int, set[asyncio.Event]] = {}
        self._touched: set[int] = set()
        self._cursor: int | None = None
        self._day: date | None = None
        self._hint = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False

    async def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._subscriber.listen(self._hint.set), name="relay-listener"),
            asyncio.create_task(self._relay(), name="relay"),
        ]

    async def close(self) -> None:
        self._closed = True
        self._wake_all()
        for task in self._tasks:
            await end_task(task)

    # ------------------------------------------------------------ one person's events

    async def account_events_page(self, owner: int, after: int | None, limit: int) -> list[AccountEvent]:
        if after is not None:
            _position(after, await self._last_sequences.read(owner))
        [page] = await self._events.pages([Wanted(owner, after or 0, limit)])
        if after is not None:
            _check_follows(page, after)
        return page

    async def account_events(self, owner: int, after: int | None) -> AsyncIterator[AccountEvent]:
        with self._watching_owner(owner) as news:
            cursor = _position(after, await self._patiently(self._last_sequences.read, owner))
            while not self._closed:
                news.clear()
                page = await self._patiently(self._pages.read, Wanted(owner, cursor, EVENTS_PER_READ))
                _check_follows(page, cursor)
                for event in page:
                    cursor = event.sequence
                    yield event
                if len(page) < EVENTS_PER_READ:
                    await news.wait()

    # ------------------------------------------------------------ one market

    async def trades(self, symbol: str, after: int | None) -> AsyncIterator[PublicTrade]:
        feed = await self._patiently(self._known_feed, symbol)
        with _watching([feed]) as news:
            await self._patiently(feed.refresh)
            cursor = _position(after, feed.trade_sequence)
            while not self._closed:
                news.clear()
                page = feed.trades_after(cursor)
                if page is None:
                    page = await self._patiently(
                        self._feed_store.trades_after, feed.instrument.id, symbol, cursor, TRADES_PER_READ
                    )
                _check_follows(page, cursor)
                for trade in page:
                    cursor = trade.sequence
                    yield trade
                if not page:
                    await news.wait()

    async def book(self, symbol: str, depth: int) -> BookSnapshot | None:
        feed = await self._feed(symbol)
        if feed is None:
            return None
        await feed.refresh()
        return feed.view(depth)

    async def book_updates(self, symbol: str, depth: int) -> AsyncIterator[BookUpdate]:
        """A change that does not show in the best `depth` levels is told with the next that does."""
        feed = await self._patiently(self._known_feed, symbol)
        with _watching([feed]) as news:
            await self._patiently(feed.refresh)
            sent = feed.view(depth)
            yield first_update(sent)
            while not self._closed:
                news.clear()
                view = feed.view(depth)
                update = update_between(sent, view)
                if update is not None:
                    sent = view
                    yield update
                await news.wait()

    async def ticker(self, symbol: str) -> Ticker | None:
        feed = await self._feed(symbol)
        if feed is None:
            return None
        await feed.refresh()
        return feed.ticker()

    async def tickers(self, symbols: Sequence[str]) -> AsyncIterator[Ticker]:
        feeds = [await self._patiently(self._known_feed, symbol) for symbol in dict.fromkeys(symbols)]
        with _watching(feeds) as news:
            for feed in feeds:
                await self._patiently(feed.refresh)
            sent: dict[str, Ticker] = {}
            while not self._closed:
                news.clear()
                for feed in feeds:
                    ticker = feed.ticker()
                    known = sent.get(ticker.symbol)
                    if known is None or replace(ticker, at=known.at) != known:
                        sent[ticker.symbol] = ticker
                        yield ticker
                await news.wait()

    # ------------------------------------------------------------ imports

    async def import_progress(self, owner: int, import_id: UUID) -> AsyncIterator[ImportJob]:
        sent: ImportJob | None = None
        while not self._closed:
            job = await self._patiently(self._imports.by_id, owner, import_id)
            if job is None:
                raise NotFound("There is no such import.")
            if job != sent:
                sent = job
                yield job
            if job.status in (ImportStatus.FINISHED, ImportStatus.FAILED):
                return
            await asyncio.sleep(IMPORT_POLL_SECONDS)

    # ------------------------------------------------------------ the relay itself

    async def _relay(self) -> None:
        """Never ends by itself: while Postgres is away it keeps trying."""
        pause = 0.0
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._hint.wait()
            self._hint.clear()
            try:
                await self._catch_up()
            except Exception as error:
                if pause == 0:
                    fault = None if is_unavailable(error) else error
                    log.warning("The relay cannot read the news and keeps trying: %s", error, exc_info=fault)
                pause = min(max(pause * 2, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
                await asyncio.sleep(pause)
            else:
                if pause:
                    log.info("The relay reads the news again.")
                pause = 0.0

    async def _catch_up(self) -> None:
        """Wakes everybody whom the batches past the cursor touched."""
        if self._cursor is None:
            self._cursor = await self._events.newest_batch()
            self._wake_all()
        batches = None
        while batches is None or len(batches) == BATCHES_PER_READ:
            batches = await self._events.batches_after(self._cursor, BATCHES_PER_READ)
            for batch in batches:
                self._cursor = batch.sequence
                self._touched.update(batch.instruments)
                for owner in batch.owners:
                    _wake(self._owners.get(owner, ()))
        for feed in list(self._feeds.values()):
            if feed.watchers and feed.instrument.id in self._touched:
                await feed.refresh()
        self._touched.clear()
        self._turn_the_day()

    def _turn_the_day(self) -> None:
        """A ticker's day begins at midnight, without any change in the market."""
        today = self._clock().astimezone(UTC).date()
        if today != self._day:
            self._day = today
            for feed in self._feeds.values():
                _wake(feed.watchers)

    def _wake_all(self) -> None:
        for watchers in (*self._owners.values(), *(feed.watchers for feed in self._feeds.values())):
            _wake(watchers)

    async def _feed(self, symbol: str) -> MarketFeed | None:
        feed = self._feeds.get(symbol)
        if feed is None:
            instrument = await self._market.instrument(symbol)
            if instrument is None:
                return None
            feed = self._feeds.setdefault(symbol, MarketFeed(instrument, self._feed_store, self._clock))
        return feed

    async def _known_feed(self, symbol: str) -> MarketFeed:
        feed = await self._feed(symbol)
        if feed is None:
            raise NotFound("There is no such instrument.")
        return feed

    @contextmanager
    def _watching_owner(self, owner: int) -> Iterator[asyncio.Event]:
        watchers = self._owners.setdefault(owner, set())
        news = asyncio.Event()
        watchers.add(news)
        try:
            yield news
        finally:
            watchers.discard(news)
            if not watchers:
                del self._owners[owner]

    async def _patiently(self, read: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `read` gives, as soon as Postgres is there: a stream waits, it does not break."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return await read(*args, **kwargs)
            except Exception as error:
                if not is_unavailable(error):
                    raise
                if self._closed:
                    raise Unavailable from error
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


@contextmanager
def _watching(feeds: Sequence[MarketFeed]) -> Iterator[asyncio.Event]:
    news = asyncio.Event()
    for feed in feeds:
        feed.watchers.add(news)
    try:
        yield news
    finally:
        for feed in feeds:
            feed.watchers.discard(news)


def _wake(watchers: Iterable[asyncio.Event]) -> None:
    for watcher in watchers:
        watcher.set()


def _position(after: int | None, newest: int) -> int:
    """Where a stream begins: after the cursor, which must be one that was given out, or else now."""
    if after is None:
        return newest
    if not 0 <= after <= newest:
        raise InvalidCursor
    return after


def _check_follows(page: Sequence[AccountEvent] | Sequence[PublicTrade], cursor: int) -> None:
    """Sequences have no gaps, so a gap means that what came next is no longer kept."""
    if page and page[0].sequence != cursor + 1:
        raise Resync
