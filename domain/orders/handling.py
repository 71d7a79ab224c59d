"""The engine's rules for orders: place, cancel, expire."""

from domain.commands import Answer, CancelOrder, PlaceOrder
from domain.errors import InvalidInput, NotFound
from domain.orders import matching, phases, rules, settlement
from domain.orders.ending import end, end_removed, end_resting
from domain.orders.model import Order, OrderNotOpen, OrderReason, OrderStatus, OrderType, TimeInForce, TradingPhase
from domain.state import Market
from domain.turn import Turn

LIMIT = OrderType.LIMIT
DAY, FOK = TimeInForce.DAY, TimeInForce.FOK
CONTINUOUS = TradingPhase.CONTINUOUS
OPEN, PARTIALLY_FILLED, FILLED = OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED


def place_order(turn: Turn, command: PlaceOrder) -> Answer:
    market = turn.state.markets.get(command.symbol)
    if market is None:
        raise InvalidInput("There is no instrument with this symbol.", "symbol")
    rules.check_order(command, market.instrument, turn.now)
    rules.check_level(command, market.book.quantity_at(command.side, command.price))
    _check_limits(turn, command, market)
    rules.check_balance(command, market.instrument, _available(turn, command, market))
    order = _new_order(turn, command, market)

    turn.outcome.placed.append(order)
    admit(turn, order, market)
    return answer(order)


def admit(turn: Turn, order: Order, market: Market) -> None:
    """Lets an order that may be there hold what it needs, trade and rest, as the phase and its kind have it."""
    bounds = market.pace.bounds(market.instrument, turn.now)
    if market.instrument.phase is not CONTINUOUS:
        settlement.open_hold(turn, order)
        _collect(turn, order, market)
    elif order.post_only and matching.would_trade(order, market.book):
        end(turn, order, market, OrderStatus.REJECTED, OrderReason.POST_ONLY_WOULD_TRADE)
    elif order.time_in_force is FOK and not matching.is_fillable(order, market.book, bounds):
        end(turn, order, market, OrderStatus.CANCELLED, OrderReason.FOK_NOT_FILLABLE)
    else:
        settlement.open_hold(turn, order)
        _trade(turn, order, market, bounds)


def cancel_order(turn: Turn, command: CancelOrder) -> Answer:
    """Cancelling what its owner has already cancelled returns it."""
    key = (command.caller, command.client_order_id)
    order = turn.state.order(key)
    if order is None:
        raise NotFound("There is no order of yours with this clientOrderId.")
    if not order.resting:
        if order.reason is not OrderReason.CANCELLED_BY_OWNER:
            raise OrderNotOpen(f"This order is {order.status} and can no longer be cancelled.")
        return answer(order)
    rules.check_may_cancel(order.instrument, turn.now)
    end_resting(turn, order, OrderStatus.CANCELLED, OrderReason.CANCELLED_BY_OWNER)
    return answer(order)


def go_on(turn: Turn, order: Order, market: Market) -> None:
    """What becomes of an order that was given a new place and holds what it needs."""
    if market.instrument.phase is not CONTINUOUS:
        _collect(turn, order, market)
    elif order.post_only and matching.would_trade(order, market.book):
        settlement.release_rest(turn, order)
        end(turn, order, market, OrderStatus.REJECTED, OrderReason.POST_ONLY_WOULD_TRADE)
    else:
        _trade(turn, order, market, market.pace.bounds(market.instrument, turn.now))


def _new_order(turn: Turn, command: PlaceOrder, market: Market) -> Order:
    if command.key is None:
        raise InvalidInput("An order needs a clientOrderId.", "clientOrderId")
    return Order(
        turn.sequence,
        command.caller,
        command.key,
        market.instrument,
        command.side,
        command.type,
        command.time_in_force if command.type is LIMIT else rules.effective_time_in_force(command),
        command.price,
        command.quantity,
        command.post_only,
        turn.now,
        rules.deadline(command, market.instrument, turn.now) if command.time_in_force is DAY else command.expires_at,
        remaining=command.quantity,
        self_trade=command.self_trade,
    )


def _check_limits(turn: Turn, command: PlaceOrder, market: Market) -> None:
    rules.check_open_orders(command, market.instrument, market.book.count_of(command.caller))
    if market.instrument.terms.holding is not None:
        owned = sum(turn.state.balance(command.caller, market.instrument.asset.id))
        rules.check_holding(command, market.instrument, owned, market.book.buying(command.caller))


def _available(turn: Turn, command: PlaceOrder, market: Market) -> int:
    return turn.available(command.caller, rules.held_asset(command.side, market.instrument))


def _trade(turn: Turn, order: Order, market: Market, bounds: tuple[int, int]) -> None:
    """Matches, settles each match, then lets the rest stand or ends it; halts the market where it would run away."""
    left = order.remaining
    matches, own = matching.match(order, market.book, bounds)
    for matched in matches:
        left -= matched[2]
        settlement.settle(turn, market, order, matched, left)
    for maker, _, _ in matches:
        maker.status = PARTIALLY_FILLED if maker.remaining else FILLED
        turn.touch_order(maker, market)
        if not maker.resting:
            turn.state.end_order(maker)
    if matches:
        turn.touch_book(market)
    if own is not None:
        _settle_own(turn, own, order, market)

    met_own = own is not None and own.ends_taker
    if order.remaining and not met_own and matching.would_trade(order, market.book):
        phases.halt(turn, market)
    if order.remaining == 0:
        end(turn, order, market, FILLED, None)
    elif met_own or order.time_in_force in rules.IMMEDIATE:
        settlement.release_rest(turn, order)
        reason = OrderReason.SELF_TRADE if met_own else OrderReason.IOC_REMAINDER
        end(turn, order, market, OrderStatus.CANCELLED, reason)
    else:
        _rest(turn, order, market)


def _settle_own(turn: Turn, own: matching.OwnOrders, taker: Order, market: Market) -> None:
    """Frees what orders held that self-trade prevention took out or made smaller."""
    for order in own.removed:
        end_removed(turn, order, market, OrderStatus.CANCELLED, OrderReason.SELF_TRADE)
    for reduced, grams in ((own.reduced, own.reduced_by), (taker, own.taker_reduced_by)):
        if reduced is not None and grams:
            settlement.release_reduction(turn, reduced, grams)
            turn.touch_terms(reduced, market)
            turn.touch_book(market)


def _collect(turn: Turn, order: Order, market: Market) -> None:
    """For an auction. One that could trade with its own owner's ends whatever its mode: what is collected stands."""
    if matching.would_meet_its_own(order, market.book):
        settlement.release_rest(turn, order)
        end(turn, order, market, OrderStatus.CANCELLED, OrderReason.SELF_TRADE)
    else:
        _rest(turn, order, market)


def _rest(turn: Turn, order: Order, market: Market) -> None:
    order.status = PARTIALLY_FILLED if order.remaining < order.quantity else OPEN
    turn.touch_order(order, market)
    turn.state.add_order(order)
    turn.touch_book(market)


def answer(order: Order) -> Answer:
    return Answer("order", {"id": order.id}, order.as_it_is() if order.level is not None else order)
