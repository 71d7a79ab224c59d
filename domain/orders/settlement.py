"""A match becomes a trade and its journal entry; a hold is opened and what is left of it is freed.

Invariant: what an open order holds is a function of the order alone (`held_by`), so the audit can recompute it.
"""

from domain.ledger import entries
from domain.ledger.model import EntryKind
from domain.orders.book import Match
from domain.orders.model import Order, OrderSide, Trade
from domain.orders.rules import held_asset, held_by
from domain.state import Market
from domain.turn import Turn
from domain.units import fee_of, purchase_hold, trade_value

BUY, SELL = OrderSide.BUY, OrderSide.SELL
ORDER_HOLD, ORDER_RELEASE, TRADE = EntryKind.ORDER_HOLD, EntryKind.ORDER_RELEASE, EntryKind.TRADE


def _held(order: Order, grams: int) -> int:
    return held_by(order.side, order.price, grams, order.instrument.highest_fee_basis_points)


def held_of(order: Order) -> int:
    """What an open order reserves now."""
    return _held(order, order.remaining)


def open_hold(turn: Turn, order: Order) -> None:
    asset = held_asset(order.side, order.instrument)
    postings = entries.hold(order.owner, asset.id, _held(order, order.quantity))
    turn.post(ORDER_HOLD, f"order:{order.id}", postings)


def release_rest(turn: Turn, order: Order) -> None:
    """Frees what the unfilled rest of an order holds."""
    asset = held_asset(order.side, order.instrument)
    postings = entries.release(order.owner, asset.id, _held(order, order.remaining))
    turn.post(ORDER_RELEASE, f"order:{order.id}", postings)


def change_hold(turn: Turn, order: Order, held_before: int) -> None:
    """Makes what an order holds that of its new terms."""
    asset = held_asset(order.side, order.instrument)
    more = held_of(order) - held_before
    if more > 0:
        postings = entries.hold(order.owner, asset.id, more)
        turn.post(ORDER_HOLD, f"order:{order.id}", postings)
    elif more < 0:
        postings = entries.release(order.owner, asset.id, -more)
        turn.post(ORDER_RELEASE, f"order:{order.id}", postings)


def release_reduction(turn: Turn, order: Order, grams: int) -> None:
    """Frees what an order held for `grams` that it no longer wants."""
    change_hold(turn, order, _held(order, order.remaining + grams))


def settle(turn: Turn, market: Market, taker: Order, matched: Match, taker_left: int) -> None:
    """Delivery versus payment of one match; `taker_left` is what the taker still wanted after it."""
    instrument = market.instrument
    maker, price, grams = matched
    if taker.side is BUY:
        fees = (instrument.taker_fee_basis_points, instrument.maker_fee_basis_points)
        _deliver(turn, market, taker, maker, price, grams, taker_left, fees, BUY)
    else:
        fees = (instrument.maker_fee_basis_points, instrument.taker_fee_basis_points)
        _deliver(turn, market, maker, taker, price, grams, maker.remaining, fees, SELL)


def settle_auction(turn: Turn, market: Market, buyer: Order, seller: Order, price: int, grams: int) -> None:
    """Delivery versus payment at an auction's price, after both orders were filled; both pay the maker's fee."""
    fees = (market.instrument.maker_fee_basis_points, market.instrument.maker_fee_basis_points)
    _deliver(turn, market, buyer, seller, price, grams, buyer.remaining, fees, None)


def _deliver(
    turn: Turn,
    market: Market,
    buyer: Order,
    seller: Order,
    price: int,
    grams: int,
    buyer_left: int,
    fees: tuple[int, int],
    aggressor: OrderSide | None,
) -> None:
    """`buyer_left` is what the buyer still wanted afterwards; `fees` are basis points of the buyer and the seller."""
    instrument = market.instrument
    value = trade_value(price, grams)
    buyer_fee, seller_fee = fee_of(value, fees[0]), fee_of(value, fees[1])
    highest = instrument.highest_fee_basis_points
    held = purchase_hold(buyer.price, buyer_left + grams, highest) - purchase_hold(buyer.price, buyer_left, highest)
    market.note_trade(turn.now, price, grams)
    entry = turn.post(
        TRADE,
        f"trade:{instrument.symbol}:{market.trade_sequence}",
        entries.trade(
            buyer.owner,
            seller.owner,
            instrument.money.id,
            instrument.asset.id,
            grams,
            value,
            buyer_fee,
            seller_fee,
            held - value - buyer_fee,
        ),
    )
    notional = price * grams
    buyer.notional += notional
    seller.notional += notional
    trade = Trade(
        instrument.id,
        market.trade_sequence,
        price,
        grams,
        value,
        buyer.id,
        seller.id,
        buyer_fee,
        seller_fee,
        aggressor,
    )
    turn.outcome.trades.append((trade, entry))
