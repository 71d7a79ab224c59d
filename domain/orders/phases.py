"""The engine's rules for phases: a phase follows another, an auction trades, a session ends with its official close."""

from datetime import datetime, timedelta

from domain.commands import Answer, ChangePhase
from domain.errors import NotFound
from domain.orders.model import TradingPhase
from domain.orders.price_bounds import official_close, set_bounds
from domain.orders.rules import TAKES_ORDERS
from domain.orders.uncrossing import uncross
from domain.state import Market
from domain.turn import Turn


def change_phase(turn: Turn, command: ChangePhase) -> Answer:
    """From the clock. Ends an auction by trading it, and a session by its close; `until` is when the phase ends."""
    market = turn.state.markets.get(command.symbol)
    if market is None:
        raise NotFound("There is no instrument with this symbol.")
    instrument = market.instrument
    if instrument.phase is TradingPhase.CALL_AUCTION or command.phase is TradingPhase.CONTINUOUS:
        uncross(turn, market)
    if instrument.session_start is not None and command.session_start != instrument.session_start:
        _end_session(market)
    instrument.session_start, instrument.session_end = command.session_start, command.session_end
    enter(turn, market, command.phase, command.until)
    return Answer("phase", {"symbol": instrument.symbol, "phase": instrument.phase.value})


def enter(turn: Turn, market: Market, phase: TradingPhase, until: datetime | None) -> None:
    """Puts a market into a phase; the book's counter tells."""
    instrument = market.instrument
    instrument.phase = phase
    instrument.phase_until = until
    instrument.opens_at = None if phase in TAKES_ORDERS else until
    turn.touch_book(market)
    turn.touch_instrument(instrument)


def halt(turn: Turn, market: Market) -> None:
    """The price moved too far too fast: nothing trades for a while, then an auction finds the price."""
    instrument = market.instrument
    until = turn.now + timedelta(seconds=instrument.terms.halt_seconds)
    if instrument.session_end is not None:
        until = min(until, instrument.session_end)
    enter(turn, market, TradingPhase.HALTED, until)


def _end_session(market: Market) -> None:
    """The official close becomes the reference; a session without a trade leaves it as it was."""
    instrument = market.instrument
    if market.session_grams:
        instrument.reference_price = official_close(market.session_notional, market.session_grams, instrument.tick_size)
        set_bounds(instrument)
    instrument.session_trades = market.trade_sequence
    market.session_notional = market.session_grams = 0
