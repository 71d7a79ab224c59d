"""An auction's end: what was collected trades at one price, nobody with themselves."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from domain.orders import auction, settlement
from domain.orders.auction import Clearing
from domain.orders.book import OrderBook
from domain.orders.ending import end_resting
from domain.orders.model import Order, OrderReason, OrderStatus, TradingPhase
from domain.state import Market
from domain.turn import Turn
from domain.units import OUTSIDE_MAX


def indicative(market: Market) -> Clearing | None:
    """What the auction would come to if it ended now; None outside of one, and where nothing would trade.

    The surplus ends where clients cannot read on: BUYs hold money, and at a low price that wants any number of grams.
    """
    if market.instrument.phase is not TradingPhase.CALL_AUCTION:
        return None
    cleared = _clearing(market, 0)
    return cleared and replace(cleared, surplus=min(cleared.surplus, OUTSIDE_MAX))


def uncross(turn: Turn, market: Market) -> None:
    """Trades at the clearing price; nobody is the taker, and both pay the maker's fee. Ties are drawn by the turn."""
    book, instrument = market.book, market.instrument
    for order in list(_meeting_their_own(book)):
        end_resting(turn, order, OrderStatus.CANCELLED, OrderReason.SELF_TRADE)
    cleared = _clearing(market, turn.sequence)
    traded: dict[int, Order] = {}
    while cleared is not None:
        buyer = auction.eligible(book.bids, cleared.price)
        seller = auction.eligible(book.asks, cleared.price)
        if buyer is None or seller is None:
            break
        grams = min(buyer.remaining, seller.remaining)
        book.fill(buyer, grams)
        book.fill(seller, grams)
        settlement.settle_auction(turn, market, buyer, seller, cleared.price, grams)
        traded[buyer.id], traded[seller.id] = buyer, seller
    for order in traded.values():
        order.status = OrderStatus.PARTIALLY_FILLED if order.remaining else OrderStatus.FILLED
        turn.touch_order(order, market)
        if not order.resting:
            turn.state.end_order(order)
    if traded:
        turn.touch_book(market)
    if cleared is not None:
        instrument.anchor_price = cleared.price
        instrument.anchor_until = turn.now + timedelta(seconds=instrument.terms.halt_window)


def _clearing(market: Market, seed: int) -> Clearing | None:
    instrument = market.instrument
    reference = instrument.reference_price if instrument.reference_price is not None else market.pace.last_price
    return auction.clearing(market.book, instrument.tick_size, reference, seed)


def _meeting_their_own(book: OrderBook) -> Iterator[Order]:
    """The newer of two orders of one owner that could trade with each other, until no two are left."""
    best_bid, best_ask = book.bids.best(), book.asks.best()
    if best_bid is None or best_ask is None or best_bid.price < best_ask.price:
        return
    sells: dict[int, list[Order]] = {}
    for level in book.asks.best_first():
        if level.price > best_bid.price:
            break
        for order in level.resting():
            sells.setdefault(order.owner, []).append(order)
    for level in book.bids.best_first():
        if level.price < best_ask.price:
            break
        for buy in level.resting():
            own = sells.get(buy.owner, [])
            older = [sell for sell in own if sell.price <= buy.price and sell.sequence < buy.sequence]
            if older:
                yield buy
                continue
            for sell in [sell for sell in own if sell.price <= buy.price]:
                own.remove(sell)
                yield sell
