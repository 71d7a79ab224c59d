"""Random days on the exchange: after each command the engine and the naive model agree on everything.

After each day the log is applied again from zero and gives the same outcomes. Where a day fails, Hypothesis prints the
shortest one that does; `--seed` repeats a run.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.commands import ChangePhase, Command, HaltMarket, PlaceOrder, ResumeMarket
from domain.engine import Engine
from domain.errors import DomainError
from domain.ids import NOBODY, SYSTEM_CALLER
from domain.orders.book import OrderBook
from domain.orders.model import OrderSide, OrderType, SelfTradePrevention, TimeInForce, TradingPhase
from domain.orders.schedule import next_due
from domain.turn import Outcome
from infra.engine.journal import command_of, stored_form
from tests import factories as make
from tests.domain.exchange import effects, picture
from tests.domain.naive_market import NaiveMarket, NaiveOrder
from tests.factories import ALICE, BOB, BUY, CAROL, MONEY, NOON, OPERATOR, OTHER_SHOP, POINTS, SELL, SHOP, SYMBOL

FEELESS = "PCA-PAR-2026"
LIMIT, MARKET = OrderType.LIMIT, OrderType.MARKET
GTC, DAY, GTD, IOC, FOK = TimeInForce.GTC, TimeInForce.DAY, TimeInForce.GTD, TimeInForce.IOC, TimeInForce.FOK
SYSTEM = {"issuance": 1, "surrendered": 2, "converted": 4, "fees": 5, "float": 6}

PEOPLE = (ALICE, BOB, CAROL, 1_004, 1_005)

STEPS = (0, 1_111, 2_222, 70_000)
"""The last one is further than a price may move at once, where a reference is known."""

owners = st.sampled_from(PEOPLE)
shops = st.sampled_from([SHOP, SHOP, SHOP, OTHER_SHOP])
numbers = st.integers(0, 40)
kinds = st.sampled_from(
    [
        *[(LIMIT, GTC, False, None)] * 8,
        *[(LIMIT, IOC, False, None)] * 3,
        *[(LIMIT, FOK, False, None)] * 3,
        *[(LIMIT, GTC, True, None)] * 2,
        *[(LIMIT, DAY, False, None)] * 2,
        *[(LIMIT, GTD, False, 20)] * 2,
        (LIMIT, GTD, True, 90),
        (MARKET, GTC, False, None),
        (MARKET, FOK, False, None),
        (MARKET, DAY, False, None),
        (LIMIT, IOC, True, None),
        (LIMIT, GTD, False, -1),
        (LIMIT, GTC, False, 20),
    ]
)
"""Type, time in force, post-only and minutes until it expires; the last four are refused."""

resting = st.sampled_from([(LIMIT, GTC, False, None), (LIMIT, DAY, False, None), (LIMIT, GTD, False, 20)])
Kind = tuple[OrderType, TimeInForce, bool, int | None]
Order = tuple[int, OrderSide, int, int, str, Kind, SelfTradePrevention]
"""Owner, side, lots, steps above the lowest price, market, kind and what to do about own orders."""


modes = st.sampled_from(SelfTradePrevention)


def price_of(symbol: str, step: int) -> int:
    return 1_001 + step if symbol == FEELESS else 1_234_567 + STEPS[step]


def orders_of(which: st.SearchStrategy[Kind]) -> st.SearchStrategy[Order]:
    markets = st.sampled_from([SYMBOL, SYMBOL, SYMBOL, FEELESS])
    return st.tuples(owners, st.sampled_from([BUY, SELL]), st.integers(1, 4), st.integers(0, 3), markets, which, modes)


def signature(outcome: Outcome) -> tuple[Any, ...]:
    """What an outcome says for ever, without the things that later commands change."""
    answer = outcome.answer
    return outcome.sequence, answer.kind, answer.data, outcome.entries, outcome.trades, outcome.news


class ExchangeMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.engine = Engine()
        self.naive = NaiveMarket()
        self.now = NOON
        self.log: list[tuple[Command, Any]] = []
        self.outcomes: list[tuple[Any, ...]] = []
        self.placed: list[PlaceOrder] = []
        self.redemptions: list[tuple[int, int, str]] = []
        self.keys = 0
        self.entries = 0
        self.events: Counter[int] = Counter()
        self.book_changes: Counter[str] = Counter()

    # ------------------------------------------------------------ driving both

    def apply(self, command: Command) -> Outcome:
        """As the writer does: what is due ends first, and the engine sees the command as it was stored."""
        if command.caller != SYSTEM_CALLER:
            while (due := next_due(self.engine.state, self.now)) is not None:
                self.apply(due)
        read = command_of(command.kind, command.caller, command.key, stored_form(command)[0])
        assert read == command
        trades_before = {symbol: len(trades) for symbol, trades in self.naive.trades.items()}
        orders_before = {order.sequence: replace(order) for order in self.naive.orders}
        balances_before = self.balances()
        books_before = self.books()
        phases_before = {symbol: phase.name for symbol, phase in self.naive.phases.items()}

        expected = self.naive.apply(command, self.now)
        outcome = self.engine.apply(read, self.now)

        told = {name: value for name, value in outcome.answer.data.items() if name != "message"}
        assert (outcome.answer.kind, told) == expected
        new = {symbol: trades[trades_before.get(symbol, 0) :] for symbol, trades in self.naive.trades.items()}
        self.check_trades(outcome, new)
        books = self.books()
        self.book_changes.update(
            symbol
            for symbol in books
            if books[symbol] != books_before.get(symbol, set())
            or self.naive.phases[symbol].name != phases_before.get(symbol, "CONTINUOUS")
            or (isinstance(command, ChangePhase | HaltMarket) and command.symbol == symbol)
        )
        changed = [order for order in self.naive.orders if orders_before.get(order.sequence) != order]
        self.check_news(outcome, new, changed, balances_before)
        if DomainError.is_code(outcome.answer.kind):
            assert effects(outcome) == {}
        for entry, *_ in outcome.entries:
            self.entries += 1
            assert entry == self.entries
        self.log.append((read, self.now))
        self.outcomes.append(signature(outcome))
        return outcome

    def balances(self) -> dict[tuple[int, str], tuple[int, int]]:
        return {
            (owner, asset): (self.naive.available(owner, asset), self.naive.held(owner, asset))
            for owner in (*PEOPLE, SHOP, OTHER_SHOP)
            for asset in self.naive.kinds
        }

    def books(self) -> dict[str, set[tuple[int, ...]]]:
        """What rests in each market: order, grams, price and priority."""
        books: dict[str, set[tuple[int, ...]]] = {symbol: set() for symbol in self.naive.symbols}
        for order in self.naive.orders:
            if order.is_open:
                books[order.symbol].add((order.sequence, order.remaining, order.price, order.priority))
        return books

    def check_trades(self, outcome: Outcome, new: dict[str, list[tuple[Any, ...]]]) -> None:
        """The same trades, byte for byte, and each with an entry of its own."""
        expected = [
            (self.naive.symbols.index(symbol) + 1, *trade[:-1], {True: "BUY", False: "SELL", None: None}[trade[-1]])
            for symbol, trades in new.items()
            for trade in trades
        ]
        assert [tuple(trade) for trade, _ in outcome.trades] == expected
        entries = {entry: reference for entry, _, _, reference, _ in outcome.entries}
        symbols = self.naive.symbols
        assert [entries[entry] for _, entry in outcome.trades] == [
            f"trade:{symbols[trade.instrument - 1]}:{trade.sequence}" for trade, _ in outcome.trades
        ]

    def check_news(
        self,
        outcome: Outcome,
        new: dict[str, list[tuple[Any, ...]]],
        changed: Iterable[NaiveOrder],
        before: dict[tuple[int, str], tuple[int, int]],
    ) -> None:
        """Each person hears of its trades, then of what changed, then once of each balance; numbered without gaps."""
        codes = {asset.id: code for code, asset in self.engine.state.assets.items()}
        owner_of = {order.sequence: order.owner for order in self.naive.orders}
        trades: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for symbol_trades in new.values():
            for number, _, _, _, buy, sell, *_ in symbol_trades:
                trades[owner_of[buy]].append((buy, number))
                trades[owner_of[sell]].append((sell, number))
        orders: dict[int, set[tuple[Any, ...]]] = defaultdict(set)
        for order in changed:
            notional = sum(price * grams for price, grams in order.fills)
            terms = (order.quantity, order.price, order.moved_by) if order.is_changed else ()
            orders[order.owner].add((order.sequence, order.remaining, notional, order.status, order.reason, terms))
        moved = {key for key, balance in self.balances().items() if balance != before.get(key, (0, 0))}
        news_of = {owner: news for owner, *news in outcome.news}
        assert set(trades) | set(orders) | {owner for owner, _ in moved} <= set(news_of)
        for owner, (first, last, payloads) in news_of.items():
            assert first == self.events[owner] + 1
            self.events[owner] += len(payloads)
            assert last == self.events[owner]
            kinds_told = [payload[0] for payload in payloads]
            assert kinds_told == sorted(kinds_told, key="TORB".index)
            by_kind = {kind: [p[1:] for p in payloads if p[0] == kind] for kind in "TORB"}
            assert [(told[0], told[6]) for told in by_kind["T"]] == trades[owner]
            assert {(*told[:5], tuple(told[6:])) for told in by_kind["O"]} == orders[owner]
            shown = {told[0]: told[1:] for told in by_kind["O"]}
            assert all(shown[told[0]] == [*told[1:6], *told[7:]] for told in by_kind["T"])
            assert len(by_kind["O"]) == len(orders[owner])
            balances = {codes[asset]: (available, held) for asset, available, held, _ in by_kind["B"]}
            assert len(balances) == len(by_kind["B"])
            assert {asset for whose, asset in moved if whose == owner} <= set(balances)
            for asset, balance in balances.items():
                assert balance == (self.naive.available(owner, asset), self.naive.held(owner, asset))

    def key(self) -> UUID:
        self.keys += 1
        return UUID(int=self.keys)

    # ------------------------------------------------------------ what may happen

    @initialize(
        fees=st.sampled_from([(0, 0), (10, 25), (300, 0), (70, 125)]),
        limits=st.sampled_from(
            [
                *({}, {"smallest_order": 2_000}, {"largest_order": 3_000}, {"holding": 16_000}),
                *({"open_orders": 1}, {"open_orders": 2}),
            ]
        ),
    )
    def open_markets(self, fees: tuple[int, int], limits: dict[str, int]) -> None:
        self.apply(make.create_programme(maker_fee_basis_points=fees[0], taker_fee_basis_points=fees[1]))
        self.apply(make.set_terms(key=self.key(), **limits))
        self.apply(make.create_programme("PAR", points_per_kg=7, time_zone="Europe/Paris"))
        for owner in PEOPLE:
            self.apply(make.deposit(owner, 30_000, key=self.key()))
            self.apply(make.issue(owner, 12_000, key=self.key()))
            self.apply(make.issue(owner, 12_000, FEELESS, key=self.key()))
            self.apply(make.issue(owner, 40, POINTS, key=self.key()))
        self.apply(make.create_offer(15))
        self.apply(make.create_offer(10, stock=2))

    def place(
        self,
        owner: int,
        side: OrderSide,
        grams: int,
        price: int,
        symbol: str,
        kind: Kind,
        self_trade: SelfTradePrevention = SelfTradePrevention.CANCEL_NEWEST,
    ) -> None:
        type_, time_in_force, post_only, minutes = kind
        command = make.place(
            owner,
            side,
            grams,
            price,
            key=self.key(),
            symbol=symbol,
            type=type_,
            time_in_force=time_in_force,
            post_only=post_only,
            self_trade=self_trade,
            expires_at=None if minutes is None else self.now + timedelta(minutes=minutes),
        )
        self.placed.append(command)
        self.apply(command)

    def place_all(self, orders: Iterable[Order]) -> None:
        for owner, side, lots, step, symbol, kind, self_trade in orders:
            self.place(owner, side, 1_000 * lots, price_of(symbol, step), symbol, kind, self_trade)

    @rule(orders=st.lists(orders_of(kinds), min_size=1, max_size=6))
    def place_orders(self, orders: list[Order]) -> None:
        self.place_all(orders)

    @rule(orders=st.lists(orders_of(resting), min_size=3, max_size=6))
    def fill_the_book(self, orders: list[Order]) -> None:
        self.place_all(orders)

    @rule(orders=st.lists(orders_of(kinds), min_size=2, max_size=6), cancelled=numbers)
    def trade_and_cancel(self, orders: list[Order], cancelled: int) -> None:
        self.place_all(orders)
        self.cancel(cancelled, stranger=False)

    @rule(
        owner=owners,
        side=st.sampled_from([BUY, SELL]),
        grams=st.sampled_from([0, -1_000, 999, 1_500, 100_000, 1_000]),
        price=st.sampled_from([0, 999, 1_000, 90_000_000]),
        symbol=st.sampled_from([SYMBOL, FEELESS, "PCA-LON-1999", MONEY]),
    )
    def place_nonsense(self, owner: int, side: OrderSide, grams: int, price: int, symbol: str) -> None:
        self.place(owner, side, grams, price, symbol, (LIMIT, GTC, False, None))

    @precondition(lambda self: self.placed)
    @rule(number=numbers, stranger=st.sampled_from([False] * 5 + [True]))
    def cancel(self, number: int, stranger: bool) -> None:
        command = self.placed[-1 - number % len(self.placed)]
        self.apply(make.cancel(replace(command, caller=command.caller + 1) if stranger else command))

    @precondition(lambda self: self.placed)
    @rule(
        number=numbers,
        lots=st.sampled_from([*range(1, 7), 0, 30]),
        step=st.sampled_from([None, None, 0, 1, 2, 3]),
        stranger=st.sampled_from([False] * 7 + [True]),
    )
    def replace(self, number: int, lots: int, step: int | None, stranger: bool) -> None:
        order = self.placed[-1 - number % len(self.placed)]
        price = order.price if step is None else price_of(order.symbol, step)
        command = make.replace(order, 1_000 * lots, price, key=self.key())
        self.apply(replace(command, caller=order.caller + stranger))

    @rule(owner=owners, symbol=st.sampled_from([None, SYMBOL, FEELESS, "PCA-LON-1999"]))
    def cancel_all(self, owner: int, symbol: str | None) -> None:
        self.apply(make.cancel_all(owner, symbol))

    @rule(owner=owners, seconds=st.sampled_from([0, 4, 5, 90, 90, 900, 3_600, 3_601, -5]))
    def set_the_timer(self, owner: int, seconds: int) -> None:
        self.apply(make.cancel_all_after(owner, seconds))

    @rule(minutes=st.sampled_from([1, 5, 15, 20, 60, 60 * 12, 60 * 24 * 5]))
    def time_goes_on(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(
        act=st.sampled_from(
            [
                *({"reference_price": 1_234_600}, {"reference_price": 1_290_000}),
                *({"batch_seconds": 600}, {"batch_seconds": 0}),
            ]
        )
    )
    def set_terms(self, act: dict[str, int]) -> None:
        self.apply(make.set_terms(key=self.key(), **act))  # type: ignore[arg-type]

    @rule(halts=st.booleans())
    def halt_or_resume(self, halts: bool) -> None:
        if halts:
            self.apply(HaltMarket(caller=OPERATOR, key=self.key(), symbol=SYMBOL, reason="A test."))
        else:
            self.apply(ResumeMarket(caller=OPERATOR, key=self.key(), symbol=SYMBOL))

    @rule()
    def expire(self) -> None:
        self.apply(make.expire_due())

    @rule(
        owner=st.sampled_from([*PEOPLE, NOBODY]),
        amount=st.sampled_from([0, 1, 5_000, 2**53]),
        currency=st.sampled_from([MONEY, MONEY, "EUR", "ZZZ"]),
    )
    def deposit(self, owner: int, amount: int, currency: str) -> None:
        self.apply(make.deposit(owner, amount, currency, key=self.key()))

    @rule(
        owner=st.sampled_from([*PEOPLE, NOBODY]),
        amount=st.sampled_from([0, 1, 5_000, 2**53]),
        asset=st.sampled_from([SYMBOL, FEELESS, POINTS, MONEY, "PTS-NONE"]),
    )
    def issue(self, owner: int, amount: int, asset: str) -> None:
        self.apply(make.issue(owner, amount, asset, key=self.key()))

    @rule(code=st.sampled_from(["LON", "PAR", "NEW-YORK"]))
    def create_programme(self, code: str) -> None:
        self.apply(make.create_programme(code, currency="EUR"))

    @rule(
        code=st.sampled_from(["LON", "LON", "PAR", "NONE"]),
        monday=st.sampled_from([date(2026, 6, 15), date(2026, 6, 22), date(2026, 6, 29), date(2024, 12, 30)]),
        footprints=st.tuples(*[st.sampled_from([None, 0, 69_000, 70_000, 80_000])] * 3),
    )
    def close_period(self, code: str, monday: date, footprints: tuple[int | None, ...]) -> None:
        members = dict(zip((ALICE, BOB, CAROL), footprints, strict=True))
        self.apply(make.close_period(members, monday, programme_code=code))

    @rule(
        owner=owners,
        grams=st.sampled_from([0, 66, 67, 1_000, 5_000, 20_000]),
        asset=st.sampled_from([SYMBOL, SYMBOL, FEELESS, MONEY, POINTS, "PCA-LON-2025"]),
    )
    def convert(self, owner: int, grams: int, asset: str) -> None:
        self.apply(make.convert(owner, grams, asset, key=self.key()))

    @rule(
        points=st.sampled_from([1, 15, 60]),
        stock=st.sampled_from([None, 0, 1, 2]),
        asset=st.sampled_from([POINTS, POINTS, POINTS, MONEY, "PTS-NONE"]),
        minutes=st.sampled_from([None, 10, 60]),
    )
    def create_offer(self, points: int, stock: int | None, asset: str, minutes: int | None) -> None:
        until = None if minutes is None else self.now + timedelta(minutes=minutes)
        self.apply(make.create_offer(points, stock=stock, points_asset=asset, valid_until=until))

    @rule(owner=owners, number=numbers)
    def redeem(self, owner: int, number: int) -> None:
        offer = self.naive.offers[number % len(self.naive.offers)]
        key = self.key()
        outcome = self.apply(make.redeem(owner, offer.sequence, f"CODE{key.int}", minutes=15, key=key))
        if outcome.answer.kind == "redemption":
            self.redemptions.append((owner, outcome.answer.data["id"], f"CODE{key.int}"))

    @precondition(lambda self: self.redemptions)
    @rule(number=numbers, stranger=st.sampled_from([False] * 5 + [True]))
    def cancel_redemption(self, number: int, stranger: bool) -> None:
        owner, redemption, _ = self.redemptions[-1 - number % len(self.redemptions)]
        self.apply(make.cancel_redemption(owner + stranger, redemption))

    @precondition(lambda self: self.redemptions)
    @rule(number=numbers, shop=shops)
    def capture(self, number: int, shop: int) -> None:
        _, _, code = self.redemptions[-1 - number % len(self.redemptions)]
        self.apply(make.capture(code, partner=shop, key=self.key()))

    # ------------------------------------------------------------ what must hold

    @invariant()
    def balances_and_holds_agree(self) -> None:
        state = self.engine.state
        assert set(state.assets) == set(self.naive.kinds)
        for (owner, asset), balance in self.balances().items():
            assert tuple(state.balance(owner, state.assets[asset].id)) == balance
            assert min(balance) >= 0

    @invariant()
    def nothing_is_made_or_lost(self) -> None:
        state = self.engine.state
        for code, asset in state.assets.items():
            held_by = {owner: sum(wallet.balances.get(asset.id, (0, 0))) for owner, wallet in state.wallets.items()}
            assert sum(held_by.values()) == 0
            system = {name: held_by.get(owner, 0) for name, owner in SYSTEM.items()}
            assert -(system["issuance"] + system["float"]) == self.naive.entered[code]
            assert system["surrendered"] + system["converted"] == self.naive.used_up[code]
            assert system["fees"] == self.naive.fees[code]

    @invariant()
    def orders_and_books_agree(self) -> None:
        state = self.engine.state
        known = {**{o.id: o for o in state.ended_orders.values()}, **state.orders_by_id}
        assert {o.id: (o.remaining, o.notional, o.status, o.reason) for o in known.values()} == {
            o.sequence: (o.remaining, sum(p * g for p, g in o.fills), o.status, o.reason) for o in self.naive.orders
        }
        assert {o.id: (o.quantity, o.filled, o.price, o.sequence) for o in known.values()} == {
            o.sequence: (o.quantity, o.filled, o.price, o.priority) for o in self.naive.orders
        }
        assert state.timers == self.naive.timers
        assert set(state.orders_by_id) == {order.sequence for order in self.naive.orders if order.is_open}
        for symbol, market in state.markets.items():
            resting = [order for order in self.naive.orders if order.is_open and order.symbol == symbol]
            for side, buys in ((BUY, True), (SELL, False)):
                levels: dict[int, list[int]] = defaultdict(list)
                for order in sorted(resting, key=lambda o: (-o.price if o.buys else o.price, o.priority)):
                    if order.buys is buys:
                        levels[order.price].append(order.sequence)
                book_side = market.book.side(side)
                assert {level.price: [o.id for o in level.resting()] for level in book_side.best_first()} == levels
                assert [level.price for level in book_side.best_first()] == list(levels)
                quantities = {price: 0 for price in levels}
                for order in resting:
                    if order.buys is buys:
                        quantities[order.price] += order.remaining
                assert {level.price: level.quantity for level in book_side.best_first()} == quantities
                assert {level.price: level.count for level in book_side.best_first()} == {
                    price: len(ids) for price, ids in levels.items()
                }

    @invariant()
    def no_book_is_crossed(self) -> None:
        for market in self.engine.state.markets.values():
            if market.instrument.phase is not TradingPhase.CONTINUOUS:
                continue
            bid, ask = market.book.bids.best(), market.book.asks.best()
            assert bid is None or ask is None or bid.price < ask.price

    @invariant()
    def what_people_have_standing_is_counted_right(self) -> None:
        for symbol, market in self.engine.state.markets.items():
            mine: dict[int, list[NaiveOrder]] = defaultdict(list)
            for order in self.naive.orders:
                if order.is_open and order.symbol == symbol:
                    mine[order.owner].append(order)
            assert {owner: [o.id for o in market.book.orders_of(owner)] for owner in market.book.owners()} == {
                owner: [order.sequence for order in sorted(orders, key=lambda order: order.priority)]
                for owner, orders in mine.items()
            }
            assert {owner: market.book.buying(owner) for owner in market.book.owners()} == {
                owner: sum(order.remaining for order in orders if order.buys) for owner, orders in mine.items()
            }

    @invariant()
    def the_digest_names_the_books(self) -> None:
        state = self.engine.state
        whole = 0
        for symbol, market in state.markets.items():
            anew = OrderBook()
            for order in state.orders.values():
                if order.instrument.symbol == symbol:
                    anew.rest(order.as_it_is())
            assert market.book.digest == anew.digest
            whole ^= anew.digest
        assert state.digest() == whole.to_bytes(16, "big")

    @invariant()
    def counters_have_no_gaps(self) -> None:
        state = self.engine.state
        assert state.command_sequence == self.naive.sequence == len(self.log)
        assert state.entry_sequence == self.entries
        assert {owner: wallet.event_sequence for owner, wallet in state.wallets.items() if wallet.event_sequence} == {
            owner: count for owner, count in self.events.items() if count
        }
        for symbol, market in state.markets.items():
            assert market.trade_sequence == len(self.naive.trades[symbol])
            assert market.book_sequence == self.book_changes[symbol]

    @invariant()
    def stock_and_redemptions_agree(self) -> None:
        state = self.engine.state
        assert {number: offer.remaining for number, offer in state.offers.items()} == {
            offer.sequence: offer.stock for offer in self.naive.offers
        }
        known = {**state.ended_redemptions, **state.redemptions}
        assert {number: redemption.status for number, redemption in known.items()} == {
            redemption.sequence: redemption.status for redemption in self.naive.redemptions
        }

    # ------------------------------------------------------------ the log from zero

    def teardown(self) -> None:
        again = Engine()
        outcomes = []
        for command, now in self.log:
            outcomes.append(signature(again.apply(command, now)))
        assert outcomes == self.outcomes
        assert again.state.digest() == self.engine.state.digest()
        assert picture(again.state) == picture(self.engine.state)


TestExchange = ExchangeMachine.TestCase
TestExchange.settings = settings(
    max_examples=150,
    stateful_step_count=50,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
