"""What the writer wrote, as the stores read it."""

import re
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from domain.commands import CaptureRedemption, ClosePeriod, CreateOffer, RedeemOffer
from domain.credits.model import AlreadyMember, PeriodStatement
from domain.ledger.model import AssetKind, Balance, EntryKind, Posting
from domain.orders.model import Candle, Liquidity, OrderSide, OrderStatus, PublicTrade, TimeInForce, TradingPhase
from domain.rewards.model import Partner, RedemptionStatus
from infra.postgres.events import _PAGES
from infra.postgres.ledger import _NEWEST_ENTRIES
from infra.postgres.paging import newest_of_owner
from tests.infra.exchange import ANN, BOB, EVE, OPERATOR, SYMBOL, Exchange

BUY, SELL = OrderSide.BUY, OrderSide.SELL


# ---------------------------------------------------------------- ledger


async def test_balances_come_by_code_and_a_known_asset_is_zero_before_the_first_posting(exchange: Exchange) -> None:
    await exchange.fund(ANN, money=5_000, grams=7_000)
    await exchange.place(ANN, SELL, 60_000, 2_000)

    balances = await exchange.ledger.balances(ANN)
    assert [(balance.asset.code, balance.available, balance.held) for balance in balances] == [
        ("CNY", 5_000, 0),
        (SYMBOL, 5_000, 2_000),
    ]
    points = await exchange.ledger.asset("PTS-TST")
    assert points is not None
    assert (points.kind, points.unit) == (AssetKind.POINTS, "points")
    assert await exchange.ledger.balance(ANN, "PTS-TST") == Balance(points, 0, 0)
    assert await exchange.ledger.balance(ANN, "NONE\x00") is None
    assert await exchange.ledger.balances(EVE) == []
    assert await exchange.ledger.asset_by_id(points.id) == points
    assert await exchange.ledger.asset_by_id(4_711) is None


async def test_a_statement_shows_the_owners_own_legs_newest_first_page_by_page(exchange: Exchange) -> None:
    await exchange.fund(ANN, grams=4_000)
    await exchange.fund(BOB, money=1_000)
    await exchange.place(ANN, SELL, 60_000, 4_000)
    await exchange.place(BOB, BUY, 60_000, 4_000)
    money, grams = await exchange.ledger.asset("CNY"), await exchange.ledger.asset(SYMBOL)
    assert money is not None
    assert grams is not None

    lines = await exchange.ledger.statement(ANN, None, 100)

    assert [line.entry.kind for line in lines] == [EntryKind.TRADE, EntryKind.ORDER_HOLD, EntryKind.ISSUANCE]
    assert lines[0].entry.postings == (Posting(ANN, money.id, False, 240), Posting(ANN, grams.id, True, -4_000))
    assert lines[2].entry.postings == (Posting(ANN, grams.id, False, 4_000),)
    first = await exchange.ledger.statement(ANN, None, 2)
    assert [*first, *await exchange.ledger.statement(ANN, first[-1].entry.id, 2)] == lines
    assert await exchange.ledger.statement(EVE, None, 10) == []
    assert await exchange.ledger.entry(ANN, lines[2].entry.id) == lines[2]
    assert await exchange.ledger.entry(BOB, lines[2].entry.id) is None


# ---------------------------------------------------------------- market


async def test_instruments_are_read_as_the_programme_opened_them(exchange: Exchange) -> None:
    instrument = await exchange.market.instrument(SYMBOL)

    assert instrument is not None
    assert (instrument.asset.code, instrument.money.code) == (SYMBOL, "CNY")
    assert (instrument.tick_size, instrument.lot_size, instrument.phase) == (1, 1_000, TradingPhase.CONTINUOUS)
    assert await exchange.market.instrument("NONE") is None
    await exchange.open_market("ABC")
    assert [known.symbol for known in await exchange.market.instruments()] == ["PCA-ABC-2026", SYMBOL]
    assert await exchange.market.instrument("PCA-ABC-2026") is not None


async def test_an_instrument_is_at_most_a_second_old(exchange: Exchange) -> None:
    assert (await exchange.market.instrument(SYMBOL)) is not None
    await exchange.database.pool.execute("UPDATE instrument SET phase = 'HALTED'")
    exchange.market._catalogue._read_at -= 1.0

    instrument = await exchange.market.instrument(SYMBOL)

    assert instrument is not None
    assert instrument.phase is TradingPhase.HALTED


async def test_orders_are_found_by_their_owner_only(exchange: Exchange) -> None:
    await exchange.fund(ANN, grams=9_000)
    key = uuid4()

    order = await exchange.place(ANN, SELL, 60_000, 9_000, key=key)

    assert (order.owner, order.client_order_id, order.instrument.symbol) == (ANN, key, SYMBOL)
    assert (order.side, order.price, order.quantity, order.remaining) == (SELL, 60_000, 9_000, 9_000)
    assert (order.status, order.reason, order.notional) == (OrderStatus.OPEN, None, 0)
    assert await exchange.market.order_by_id(ANN, order.id) == order
    assert await exchange.market.order_by_id(BOB, order.id) is None
    assert await exchange.market.order(BOB, key) is None


async def test_orders_come_newest_first_by_symbol_and_open_only(exchange: Exchange) -> None:
    await exchange.open_market("ABC")
    await exchange.fund(ANN, grams=50_000)
    await exchange.fund(ANN, grams=50_000, asset="PCA-ABC-2026")
    placed = [
        await exchange.place(ANN, SELL, 60_000 + i, 1_000, symbol=SYMBOL if i % 3 else "PCA-ABC-2026") for i in range(9)
    ]
    for order in placed[::2]:
        await exchange.cancel(order)

    async def ids(symbol: str | None, open_only: bool) -> list[int]:
        """All pages of two."""
        found: list[int] = []
        while page := await exchange.market.orders(ANN, found[-1] if found else None, 2, symbol, open_only):
            found += [order.id for order in page]
        return found

    newest = [order.id for order in reversed(placed)]
    assert await ids(None, False) == newest
    assert await ids(None, True) == newest[1::2]
    assert await ids("PCA-ABC-2026", False) == [placed[6].id, placed[3].id, placed[0].id]
    assert await ids("PCA-ABC-2026", True) == [placed[3].id]
    assert await ids("NONE", False) == []


async def test_fills_are_the_parties_own_side_and_end_where_the_order_was_read(exchange: Exchange) -> None:
    await exchange.open_market("FEE", maker_fee_basis_points=100, taker_fee_basis_points=200)
    symbol = "PCA-FEE-2026"
    await exchange.fund(ANN, grams=9_000, asset=symbol)
    await exchange.fund(BOB, money=10_000)
    sell = await exchange.place(ANN, SELL, 100_000, 9_000, symbol=symbol)
    first = await exchange.place(BOB, BUY, 100_000, 2_000, symbol=symbol)
    earlier = await exchange.market.order_by_id(ANN, sell.id)
    second = await exchange.place(BOB, BUY, 110_000, 7_000, symbol=symbol)
    later = await exchange.market.order_by_id(ANN, sell.id)
    assert earlier is not None
    assert later is not None

    fills = await exchange.market.fills([later, second, sell, earlier, first])

    values = [[(fill.sequence, fill.price, fill.quantity, fill.fee, fill.liquidity) for fill in page] for page in fills]
    maker = [(1, 100_000, 2_000, 2, Liquidity.MAKER), (2, 100_000, 7_000, 7, Liquidity.MAKER)]
    assert values[0] == maker
    assert values[1] == [(2, 100_000, 7_000, 14, Liquidity.TAKER)]
    assert values[2] == []
    assert values[4] == [(1, 100_000, 2_000, 4, Liquidity.TAKER)]
    assert {fill.order_id for fill in fills[0]} == {sell.id}
    assert later.average_price == 100_000
    assert later.status is OrderStatus.FILLED
    # The same order, read before its second fill and asked for afterwards, does not show what came later.
    assert [fill[0] for fill in values[3]] == [1]
    assert await exchange.market.fills([]) == []


async def test_a_fill_without_an_aggressor_is_of_an_auction(exchange: Exchange) -> None:
    await exchange.fund(ANN, grams=2_000)
    await exchange.fund(BOB, money=10_000)
    sell = await exchange.place(ANN, SELL, 100_000, 2_000)
    buy = await exchange.place(BOB, BUY, 100_000, 2_000)
    await exchange.database.pool.execute("UPDATE trade SET aggressor = NULL")

    read = await exchange.market.order_by_id(ANN, sell.id)

    assert read is not None
    assert [fill.liquidity for page in await exchange.market.fills([read, buy]) for fill in page] == [
        Liquidity.AUCTION,
        Liquidity.AUCTION,
    ]


async def test_the_tape_names_no_party_and_pages_backwards(exchange: Exchange) -> None:
    await exchange.fund(ANN, grams=9_000)
    await exchange.fund(BOB, money=100_000)
    exchange.clock.now = at = datetime(2026, 5, 4, 9, 0, 30, tzinfo=UTC)
    await exchange.place(ANN, SELL, 100_000, 3_000)
    for _ in range(3):
        await exchange.place(BOB, BUY, 100_000, 1_000)

    tape = await exchange.market.public_trades(SYMBOL, None, 2)

    assert tape == [
        PublicTrade(SYMBOL, 3, 100_000, 1_000, BUY, at),
        PublicTrade(SYMBOL, 2, 100_000, 1_000, BUY, at),
    ]
    assert [trade.sequence for trade in await exchange.market.public_trades(SYMBOL, 2, 2)] == [1]
    assert await exchange.market.public_trades("NONE", None, 2) == []


async def test_candles_open_in_the_range_and_count_from_midnight(exchange: Exchange) -> None:
    await exchange.fund(ANN, grams=900_000)
    await exchange.fund(BOB, money=1_000_000)
    morning = datetime(2026, 5, 4, 8, 59, tzinfo=UTC)
    for minutes, price in ((0, 100), (1, 130), (1, 90), (2, 110), (6, 105), (70, 120)):
        exchange.clock.now = morning + timedelta(minutes=minutes, seconds=20)
        await exchange.place(ANN, SELL, price * 1_000, 1_000)
        await exchange.place(BOB, BUY, price * 1_000, 1_000, time_in_force=TimeInForce.IOC)
    hour, day = timedelta(hours=1), timedelta(days=1)
    nine = datetime(2026, 5, 4, 9, tzinfo=UTC)

    def candle(at: datetime, *values: int) -> Candle:
        first, high, low, last, count = values
        return Candle(at, first * 10**3, high * 10**3, low * 10**3, last * 10**3, count * 1_000, count)

    async def candles(seconds: int, start: datetime, end: datetime) -> list[Candle]:
        return await exchange.market.candles(SYMBOL, seconds, start, end)

    assert await candles(60, nine, nine + timedelta(minutes=6)) == [
        candle(nine, 130, 130, 90, 90, 2),
        candle(nine + timedelta(minutes=1), 110, 110, 110, 110, 1),
        candle(nine + timedelta(minutes=5), 105, 105, 105, 105, 1),
    ]
    assert await candles(300, nine, nine + timedelta(minutes=1)) == [candle(nine, 130, 130, 90, 110, 3)]
    assert await candles(3_600, nine, nine + 2 * hour) == [
        candle(nine, 130, 130, 90, 105, 4),
        candle(nine + hour, 120, 120, 120, 120, 1),
    ]
    assert await candles(3_600, nine + timedelta(seconds=1), nine + hour) == []
    midnight = nine.replace(hour=0)
    assert await candles(86_400, midnight - 700 * day, midnight + timedelta(seconds=1)) == [
        candle(midnight, 100, 130, 90, 120, 6)
    ]
    forever = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
    assert len(await candles(86_400, *forever)) == 1


# ---------------------------------------------------------------- programmes


async def test_one_person_belongs_to_one_programme(exchange: Exchange) -> None:
    await exchange.open_market("ABC")
    first, second = await exchange.programmes.programmes()
    assert (first.code, second.code) == ("ABC", "TST")
    now = datetime.now(UTC)

    await exchange.programmes.join(second.id, ANN, now)
    await exchange.programmes.join(second.id, BOB, now)

    with pytest.raises(AlreadyMember):
        await exchange.programmes.join(first.id, ANN, now)
    assert await exchange.programmes.programme_of(ANN) == second
    assert await exchange.programmes.programme_of(EVE) is None
    assert await exchange.programmes.members(second.id) == [ANN, BOB]
    assert await exchange.programmes.member_count(second.id) == 2
    assert await exchange.programmes.member_count(first.id) == 0
    assert await exchange.programmes.programme("TST") == second
    assert await exchange.programmes.programme("NONE\x00") is None
    assert (second.allowance_asset.code, second.points_asset.code) == (SYMBOL, "PTS-TST")
    assert (second.weekly_allowance, second.points_per_kg, second.currency) == (100_000, 10, "CNY")


async def test_closed_weeks_are_told_newest_first_with_their_totals(exchange: Exchange) -> None:
    programme = await exchange.programmes.programme("TST")
    assert programme is not None
    weeks = [date(2025, 12, 22), date(2025, 12, 29), date(2026, 1, 5)]
    for number, week in enumerate(weeks):
        await exchange.submit(
            ClosePeriod(
                caller=OPERATOR,
                programme_code="TST",
                week_start=week,
                members=((ANN, 30_000 + number), (BOB, None), (EVE, 170_000)),
            )
        )

    def statement(week: date, footprint: int) -> PeriodStatement:
        return PeriodStatement(programme.id, ANN, week, 100_000, footprint, footprint, 100_000 - footprint)

    newest = [statement(weeks[2], 30_002), statement(weeks[1], 30_001), statement(weeks[0], 30_000)]
    assert await exchange.programmes.statements(ANN, None, 10) == newest
    assert await exchange.programmes.statements(ANN, weeks[2], 1) == newest[1:2]
    assert await exchange.programmes.statement_of(ANN, programme.id, weeks[0]) == newest[2]
    assert await exchange.programmes.statement_of(ANN, programme.id, date(2026, 1, 12)) is None
    rows = await exchange.database.pool.fetch(
        "SELECT members, issued, surrendered, left_over FROM period WHERE programme = $1 AND week_start <= $2",
        programme.id,
        weeks[0],
    )
    assert [tuple(row) for row in rows] == [(3, 200_000, 130_000, 70_000)]


async def test_a_new_years_allowance_asset_shows_at_once(exchange: Exchange) -> None:
    before = await exchange.programmes.programme("TST")
    await exchange.submit(
        ClosePeriod(caller=OPERATOR, programme_code="TST", week_start=date(2025, 12, 22), members=((ANN, 0),))
    )
    middle = await exchange.programmes.programme("TST")
    exchange.clock.now = datetime(2027, 2, 1, tzinfo=UTC)
    await exchange.submit(
        ClosePeriod(caller=OPERATOR, programme_code="TST", week_start=date(2027, 1, 4), members=((ANN, 0),))
    )

    after = await exchange.programmes.programme("TST")

    assert before is not None
    assert middle is not None
    assert after is not None
    assert before.allowance_asset.code == middle.allowance_asset.code == SYMBOL
    assert after.allowance_asset.code == "PCA-TST-2027"
    assert await exchange.market.instrument("PCA-TST-2025") is not None


# ---------------------------------------------------------------- rewards


async def test_offers_and_redemptions(exchange: Exchange) -> None:
    shop = Partner(uuid4(), 1_900, "Corner shop")
    for title, stock in (("Tea", None), ("Bread", 5)):
        await exchange.submit(
            CreateOffer(
                caller=OPERATOR,
                key=uuid4(),
                partner_id=shop.id,
                partner_owner=shop.owner,
                partner_name=shop.name,
                title=title,
                description=f"{title} for points",
                points_asset="PTS-TST",
                points=40,
                stock=stock,
                valid_until=None,
            )
        )
    await exchange.fund(ANN, grams=1_000, asset="PTS-TST")
    bread, tea = await exchange.rewards.offers(None, 10)
    for code, offer in (("one", bread), ("two", tea), ("three", bread)):
        await exchange.submit(RedeemOffer(caller=ANN, key=uuid4(), offer=offer.id, code=code, minutes=15))
    await exchange.submit(CaptureRedemption(caller=shop.owner, key=uuid4(), code="one", till_reference="till 1"))

    redemptions = await exchange.rewards.redemptions(ANN, None, 10)

    assert (tea.title, tea.remaining, tea.partner, tea.points) == ("Tea", None, shop, 40)
    assert tea.points_asset.code == "PTS-TST"
    assert (bread.title, bread.remaining) == ("Bread", 5)
    assert await exchange.rewards.offers(bread.id, 10) == [tea]
    changed = await exchange.rewards.offer(bread.id)
    assert changed is not None
    assert changed.remaining == 3
    assert await exchange.rewards.offer(4_711) is None
    assert [(item.code, item.status, item.offer.title) for item in redemptions] == [
        ("three", RedemptionStatus.RESERVED, "Bread"),
        ("two", RedemptionStatus.RESERVED, "Tea"),
        ("one", RedemptionStatus.CAPTURED, "Bread"),
    ]
    assert redemptions[0].expires_at - redemptions[0].created_at == timedelta(minutes=15)
    assert await exchange.rewards.redemptions(ANN, redemptions[1].id, 10) == redemptions[2:]
    assert await exchange.rewards.redemptions(BOB, None, 10) == []
    assert await exchange.rewards.redemption(redemptions[0].id) == redemptions[0]
    assert await exchange.rewards.redemption(4_711) is None


# ---------------------------------------------------------------- cost


async def test_a_page_costs_the_same_for_somebody_with_very_many_rows_of_long_ago(exchange: Exchange) -> None:
    """Pages of memory that Postgres touches, not seconds: 20,000 old rows of one person, then 5,000 of others."""
    pool = exchange.database.pool
    await pool.execute(
        """INSERT INTO orders SELECT g, CASE WHEN g <= 20000 THEN 7000 ELSE 8000 + g % 500 END, gen_random_uuid(), 1,
             'BUY', 'LIMIT', 'GTC', 100, 1000, false, now(), NULL, 0, 100000, 'FILLED', NULL, 0
           FROM generate_series(1, 25000) g"""
    )
    await pool.execute("INSERT INTO journal SELECT g, g, 'TRADE', '', now() FROM generate_series(1000, 26000) g")
    await pool.execute(
        """INSERT INTO posting SELECT CASE WHEN g <= 21000 THEN 7000 ELSE 8000 + g % 500 END, g, line, 1, false, 1
           FROM generate_series(1000, 26000) g, generate_series(0, 1) line"""
    )
    await pool.execute(
        """INSERT INTO account_event SELECT CASE WHEN g <= 20000 THEN 7000 ELSE 8000 + g % 500 END, g, g, g,
           '[["B", 1, 1, 1, "TRADE"]]', now() FROM generate_series(1, 25000) g"""
    )
    for table in ("orders", "posting", "journal", "account_event"):
        await pool.execute(f"ANALYZE {table}")

    async def cost(sql: str, *values: object) -> int:
        lines = [row[0] for row in await pool.fetch(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", *values)]
        found = [re.findall(r"(?:hit|read)=(\d+)", line) for line in lines if "Buffers: shared" in line]
        return sum(int(number) for number in found[0])

    newest = 2**63 - 1
    for owner in (7_000, 8_001):
        assert await cost(newest_of_owner("orders"), owner, newest, 20) < 60
        assert await cost(_NEWEST_ENTRIES, owner, newest, 20) < 60
        assert await cost(_PAGES, [owner], [0], [20]) < 60
        page = await exchange.market.orders(owner, None, 20, None, False)
        assert len(page) == (20 if owner == 7_000 else 10)
        assert page == sorted(page, key=lambda order: -order.id)
        assert await exchange.market.orders(owner, page[4].id, 15, None, False) == page[5:]
