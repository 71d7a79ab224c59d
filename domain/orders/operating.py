"""The engine's rules for what an operator does to a market. Each act is a command: journalled, and by somebody."""

from domain.commands import Answer, CancelOrderOf, HaltMarket, ResumeMarket, SetTerms
from domain.errors import InvalidInput, NotFound
from domain.orders import phases
from domain.orders.ending import end_resting
from domain.orders.model import Instrument, OrderNotOpen, OrderReason, OrderStatus, TradingPhase
from domain.orders.price_bounds import set_bounds
from domain.orders.terms import Terms, check_terms, terms_of
from domain.state import Market
from domain.turn import Turn
from domain.units import OUTSIDE_MAX


def set_terms(turn: Turn, command: SetTerms) -> Answer:
    """Changes hold from the next order on, another calendar or batch interval from this moment.

    An auction that is under way ends when it said it would.
    """
    market = market_of(turn, command.symbol)
    instrument = market.instrument
    terms = _changed(instrument.terms, command)
    check_terms(terms)
    _check_steps(command, market)
    calls_for_phase = (terms.calendar, terms.batch_seconds) != (
        instrument.terms.calendar,
        instrument.terms.batch_seconds,
    )
    instrument.terms = terms
    instrument.tick_size = command.tick_size or instrument.tick_size
    instrument.lot_size = command.lot_size or instrument.lot_size
    instrument.reference_price = command.reference_price or instrument.reference_price
    set_bounds(instrument)
    if calls_for_phase and instrument.phase not in (TradingPhase.HALTED, TradingPhase.CALL_AUCTION):
        instrument.phase_until = turn.now
    turn.touch_instrument(instrument)
    return _answer(instrument)


def halt_market(turn: Turn, command: HaltMarket) -> Answer:
    """Nothing is traded and no order taken until an operator resumes it; orders can be cancelled."""
    market = market_of(turn, command.symbol)
    phases.enter(turn, market, TradingPhase.HALTED, None)
    return _answer(market.instrument)


def resume_market(turn: Turn, command: ResumeMarket) -> Answer:
    """The halt is over now: what the calendar wants comes next, an auction where the market is open."""
    market = market_of(turn, command.symbol)
    instrument = market.instrument
    if instrument.phase is not TradingPhase.HALTED:
        raise InvalidInput(f"{instrument.symbol} is {instrument.phase}, not halted.", "symbol")
    instrument.phase_until = instrument.opens_at = turn.now
    turn.touch_instrument(instrument)
    return _answer(instrument)


def cancel_order_of(turn: Turn, command: CancelOrderOf) -> Answer:
    order = turn.state.orders_by_id.get(command.order)
    if order is None:
        raise OrderNotOpen("There is no open order with this number.")
    end_resting(turn, order, OrderStatus.CANCELLED, OrderReason.CANCELLED_BY_OPERATOR)
    return Answer("order", {"id": order.id}, order.as_it_is())


def market_of(turn: Turn, symbol: str) -> Market:
    market = turn.state.markets.get(symbol)
    if market is None:
        raise NotFound("There is no instrument with this symbol.")
    return market


def _changed(terms: Terms, command: SetTerms) -> Terms:
    try:
        return terms_of({**terms.as_values(), **command.changes})
    except (TypeError, ValueError, KeyError) as error:
        raise InvalidInput("These are no terms of trading.", "terms") from error


def _check_steps(command: SetTerms, market: Market) -> None:
    tick, lot, instrument = command.tick_size, command.lot_size, market.instrument
    if (tick is not None and tick != instrument.tick_size) or (lot is not None and lot != instrument.lot_size):
        if market.book.bids.best() is not None or market.book.asks.best() is not None:
            raise InvalidInput("Tick and lot can change only while no order stands in the book.", "tickSize")
    for name, step in (("tickSize", tick), ("lotSize", lot)):
        if step is not None and not 0 < step <= OUTSIDE_MAX:
            raise InvalidInput("A step must be more than 0.", name)
    reference = command.reference_price
    if reference is not None and (not 0 < reference <= OUTSIDE_MAX or reference % (tick or instrument.tick_size)):
        raise InvalidInput("The reference price must be a positive multiple of the tick.", "referencePrice")


def _answer(instrument: Instrument) -> Answer:
    return Answer("instrument", {"symbol": instrument.symbol})
