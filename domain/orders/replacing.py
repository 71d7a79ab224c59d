"""Another quantity or price for an order that stands: the same order, with the same id.

Where only its quantity falls it keeps its place. Otherwise it goes to the end of the queue at its price, with the
command's sequence as its priority, and may trade at once like a new order.
"""

from dataclasses import replace

from domain.commands import Answer, PlaceOrder, ReplaceOrder
from domain.errors import InvalidInput, NotFound
from domain.orders import handling, rules, settlement
from domain.orders.model import Order, OrderNotOpen, OrderSide, TimeInForce
from domain.state import Market
from domain.turn import Turn


def replace_order(turn: Turn, command: ReplaceOrder) -> Answer:
    order = turn.state.order((command.caller, command.client_order_id))
    if order is None:
        raise NotFound("There is no order of yours with this clientOrderId.")
    if not order.resting:
        raise OrderNotOpen(f"This order is {order.status} and can no longer be replaced.")
    market = turn.state.markets[order.instrument.symbol]
    asked = _as_asked(order, command)
    rules.check_numbers(asked, market.instrument)
    if command.quantity <= order.filled:
        raise InvalidInput(
            f"{order.filled} g of this order are filled; the whole quantity must be more than that.", "quantity"
        )
    rules.check_may_cancel(market.instrument, turn.now)
    if command.price == order.price and command.quantity <= order.quantity:
        _reduce(turn, order, market, command.quantity)
        return handling.answer(order)
    _check(turn, order, market, asked)
    return handling.answer(_move(turn, order, market, command))


def _as_asked(order: Order, command: ReplaceOrder) -> PlaceOrder:
    """The order as its owner would place it now."""
    return PlaceOrder(
        caller=order.owner,
        key=order.client_order_id,
        symbol=order.instrument.symbol,
        side=order.side,
        type=order.type,
        time_in_force=order.time_in_force,
        quantity=command.quantity,
        price=command.price,
        expires_at=order.expires_at if order.time_in_force is TimeInForce.GTD else None,
        post_only=order.post_only,
        self_trade=order.self_trade,
    )


def _reduce(turn: Turn, order: Order, market: Market, quantity: int) -> None:
    less = order.quantity - quantity
    if less == 0:
        return
    market.book.reduce(order, less)
    turn.touch_book(market)
    settlement.release_reduction(turn, order, less)
    turn.touch_terms(order, market)


def _check(turn: Turn, order: Order, market: Market, asked: PlaceOrder) -> None:
    """All that a new order must pass, with what this one has already counted once."""
    instrument, book = market.instrument, market.book
    rules.check_order(asked, instrument, turn.now)
    rest = replace(asked, quantity=asked.quantity - order.filled)
    own = order.remaining if asked.price == order.price else 0
    rules.check_level(rest, book.quantity_at(order.side, asked.price) - own)
    owned = sum(turn.state.balance(order.owner, instrument.asset.id))
    counted = order.remaining if order.side is OrderSide.BUY else 0
    rules.check_holding(rest, instrument, owned, book.buying(order.owner) - counted)
    asset = rules.held_asset(order.side, instrument)
    needed = rules.held_by(rest.side, rest.price, rest.quantity, instrument.highest_fee_basis_points)
    rules.check_available(asset, turn.available(order.owner, asset), needed - settlement.held_of(order))


def _move(turn: Turn, order: Order, market: Market, command: ReplaceOrder) -> Order:
    """The order in its new place; the object in the old one counts for nothing any more."""
    held_before = settlement.held_of(order)
    market.book.remove(order)
    moved = order.as_it_is()
    moved.change_terms(command.quantity, command.price)
    moved.moved_by = turn.sequence
    settlement.change_hold(turn, moved, held_before)
    turn.touch_book(market)
    turn.touch_terms(moved, market)
    handling.go_on(turn, moved, market)
    return moved
