"""How an order ends: out of the book, its hold freed, its last state told."""

from domain.orders import settlement
from domain.orders.model import Order, OrderReason, OrderStatus
from domain.state import Market
from domain.turn import Turn


def end(turn: Turn, order: Order, market: Market, status: OrderStatus, reason: OrderReason | None) -> None:
    """Notes the end of an order that does not rest (any more) and holds nothing."""
    order.status = status
    order.reason = reason
    turn.touch_order(order, market)
    turn.state.end_order(order)


def end_resting(turn: Turn, order: Order, status: OrderStatus, reason: OrderReason) -> None:
    """Takes a resting order out of the book and frees what it holds."""
    market = turn.state.markets[order.instrument.symbol]
    market.book.remove(order)
    end_removed(turn, order, market, status, reason)


def end_removed(turn: Turn, order: Order, market: Market, status: OrderStatus, reason: OrderReason) -> None:
    """Frees what an order holds that has left the book."""
    turn.touch_book(market)
    settlement.release_rest(turn, order)
    end(turn, order, market, status, reason)
