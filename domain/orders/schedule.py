"""What is due by the clock: phases that end, orders and redemptions whose time is over.

Asked by whoever drives the engine before each batch; each answer is a command like any other, stored and replayed.
Boundaries that were slept through come one after the other, in their order.
"""

from datetime import datetime, timedelta

from domain.commands import ChangePhase, Command, ExpireDue
from domain.ids import SYSTEM_CALLER
from domain.orders.calendar import Slot, next_slot, slot_at
from domain.orders.model import Instrument, TradingPhase
from domain.state import State


def next_due(state: State, now: datetime) -> Command | None:
    """The first thing that is due at `now`, None where nothing is. What expires before a phase ends goes first."""
    instrument = _next_to_change(state, now)
    if instrument is None:
        return ExpireDue(caller=SYSTEM_CALLER) if state.is_due(now) else None
    assert instrument.phase_until is not None
    if state.is_due(instrument.phase_until, inclusive=False):
        return ExpireDue(caller=SYSTEM_CALLER, before=instrument.phase_until)
    return _next_phase(instrument, now)


def _next_to_change(state: State, now: datetime) -> Instrument | None:
    due = [
        (market.instrument.phase_until, market.instrument.id, market.instrument)
        for market in state.markets.values()
        if market.instrument.phase_until is not None and market.instrument.phase_until <= now
    ]
    return min(due)[2] if due else None


def _next_phase(instrument: Instrument, now: datetime) -> ChangePhase:
    """What follows the phase that ended at `phase_until`."""
    ended, terms = instrument.phase_until, instrument.terms
    assert ended is not None
    slot = slot_at(terms.calendar, ended)
    if slot is None:
        assert terms.calendar is not None
        following = next_slot(terms.calendar, ended)
        return _change(instrument, TradingPhase.CLOSED, following.starts if following else None, None)
    if ended < slot.opens:
        return _change(instrument, TradingPhase.CALL_AUCTION, slot.opens, slot)
    if instrument.phase is TradingPhase.HALTED:
        reopens = min(ended + timedelta(seconds=terms.auction_seconds), slot.closes)
        return _change(instrument, TradingPhase.CALL_AUCTION, reopens, slot)
    if terms.batch_seconds:
        return _change(instrument, TradingPhase.CALL_AUCTION, _next_batch(slot, terms.batch_seconds, now), slot)
    return _change(instrument, TradingPhase.CONTINUOUS, slot.closes, slot)


def _next_batch(slot: Slot, seconds: int, now: datetime) -> datetime:
    """The next multiple of the interval since the session opened that lies ahead, at most the session's end."""
    interval = timedelta(seconds=seconds)
    passed = max(now - slot.opens, timedelta()) // interval
    return min(slot.opens + (passed + 1) * interval, slot.closes)


def _change(instrument: Instrument, phase: TradingPhase, until: datetime | None, slot: Slot | None) -> ChangePhase:
    return ChangePhase(
        caller=SYSTEM_CALLER,
        symbol=instrument.symbol,
        phase=phase,
        until=until,
        session_start=slot.starts if slot else None,
        session_end=slot.closes if slot else None,
    )
