"""Many orders cancelled at once: on their owner's word, or because the owner's phone fell silent."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from domain.commands import Answer, CancelAllAfter, CancelAllOrders
from domain.errors import InvalidInput
from domain.orders import rules
from domain.orders.ending import end_resting
from domain.orders.model import Order, OrderReason, OrderStatus
from domain.state import Market, RunOut
from domain.turn import Turn

SHORTEST_TIMER_SECONDS = 5
LONGEST_TIMER_SECONDS = 3_600


def cancel_all_orders(turn: Turn, command: CancelAllOrders) -> Answer:
    """Market by market, in the order of their priority; those stay that an auction freezes, and are counted."""
    markets: Iterable[Market] = turn.state.markets.values()
    if command.symbol is not None:
        if command.symbol not in turn.state.markets:
            raise InvalidInput("There is no instrument with this symbol.", "symbol")
        markets = [turn.state.markets[command.symbol]]
    cancelled, left = _cancel_all(turn, command.caller, markets, OrderReason.CANCELLED_BY_OWNER, turn.now)
    keys = [str(order.client_order_id) for order in cancelled]
    return Answer("cancelled", {"client_order_ids": keys, "left": sum(len(orders) for orders in left.values())})


def cancel_all_after(turn: Turn, command: CancelAllAfter) -> Answer:
    """Each call sets the timer anew; whoever goes on calling keeps the orders standing."""
    if command.seconds and not SHORTEST_TIMER_SECONDS <= command.seconds <= LONGEST_TIMER_SECONDS:
        raise InvalidInput(
            f"The timer takes {SHORTEST_TIMER_SECONDS} to {LONGEST_TIMER_SECONDS} seconds, or 0 to switch it off.",
            "seconds",
        )
    runs_out = turn.now + timedelta(seconds=command.seconds) if command.seconds else None
    turn.set_timer(command.caller, runs_out)
    return Answer("timer", {"runs_out": runs_out.isoformat() if runs_out else None})


def run_out(turn: Turn, timer: RunOut) -> int:
    """What happens when a dead-man timer is not set anew in time; gives the number of orders cancelled.

    Those that an auction freezes are cancelled when it has traded.
    """
    markets = turn.state.markets.values()
    cancelled, left = _cancel_all(turn, timer.owner, markets, OrderReason.DEAD_MAN, timer.at)
    turn.set_timer(timer.owner, min(left, default=None))
    return len(cancelled)


def _cancel_all(
    turn: Turn, owner: int, markets: Iterable[Market], reason: OrderReason, at: datetime
) -> tuple[list[Order], dict[datetime, list[Order]]]:
    """The orders that it cancelled, and those that are frozen by the time when their auction trades."""
    cancelled: list[Order] = []
    left: dict[datetime, list[Order]] = {}
    for market in markets:
        orders = market.book.orders_of(owner)
        until = rules.frozen_until(market.instrument, at)
        if until is not None and orders:
            left.setdefault(until, []).extend(orders)
        else:
            cancelled += orders
    for order in cancelled:
        end_resting(turn, order, OrderStatus.CANCELLED, reason)
    return cancelled, left
