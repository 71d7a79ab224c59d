"""The engine's state from Postgres, in one snapshot: counters, what is open, and the balances behind it."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from domain.ids import FIRST_OWNER
from domain.orders.price_bounds import MINUTES_KEPT
from domain.state import Market, State
from infra.engine.journal import GENESIS
from infra.engine.loading import load_wallets
from infra.postgres import rows
from infra.postgres.connection import Connection

# The statuses stand in the text, not in a parameter: only so can the partial indexes serve them.
OPEN_ORDERS = "SELECT * FROM orders WHERE status IN ('OPEN', 'PARTIALLY_FILLED')"
TIMERS = "SELECT owner, runs_out FROM dead_man_timer WHERE runs_out IS NOT NULL"
OPEN_REDEMPTIONS = "SELECT * FROM redemption WHERE status = 'RESERVED'"


class CorruptLedger(Exception):
    """What Postgres holds is not what the last batch said it holds; nothing may be traded on it."""


@dataclass(slots=True)
class Recovered:
    state: State
    batch_sequence: int
    chain: bytes
    newest: datetime
    """The time of the last batch: no later command may carry an earlier one."""


async def recover(connection: Connection) -> Recovered:
    """Raises CorruptLedger where the open orders differ from the digest in the last batch row."""
    with _collector_off():
        return await _recover(connection)


@contextmanager
def _collector_off() -> Iterator[None]:
    """Nothing that recovery makes is garbage; looking for it again and again would take as long as the rest."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


async def _recover(connection: Connection) -> Recovered:
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        state = State()
        last = await connection.fetchrow("SELECT * FROM batch ORDER BY sequence DESC LIMIT 1")
        state.command_sequence = await connection.fetchval("SELECT coalesce(max(sequence), 0) FROM command")
        state.entry_sequence = await connection.fetchval("SELECT coalesce(max(id), 0) FROM journal")
        await _load_things(connection, state)
        await _load_open(connection, state)
    if last is None:
        return Recovered(state, 0, GENESIS, datetime.fromtimestamp(0, UTC))
    if last["book_digest"] != state.digest():
        raise CorruptLedger(f"the open orders are not those of batch {last['sequence']}")
    if last["last_command"] != state.command_sequence:
        raise CorruptLedger(f"batch {last['sequence']} ends at another command than the log")
    return Recovered(state, last["sequence"], last["chain"], last["at"])


async def _load_things(connection: Connection, state: State) -> None:
    assets = {row["id"]: rows.asset_of(row) for row in await connection.fetch("SELECT * FROM asset")}
    state.assets = {asset.code: asset for asset in assets.values()}
    for row in await connection.fetch(
        """SELECT i.*, coalesce((SELECT max(sequence) FROM book_change WHERE instrument = i.id), 0) AS book_sequence,
                  coalesce((SELECT max(sequence) FROM trade WHERE instrument = i.id), 0) AS trade_sequence
             FROM instrument i ORDER BY i.id"""
    ):
        instrument = rows.instrument_of(row, assets)
        market = Market(instrument, row["book_sequence"], row["trade_sequence"])
        state.markets[instrument.symbol] = market
        await _load_session(connection, market)
    for row in await connection.fetch("SELECT * FROM programme ORDER BY id"):
        programme = rows.programme_of(row, assets)
        state.programmes[programme.code] = programme
    for row in await connection.fetch("SELECT programme, week_start FROM period"):
        state.closed_periods.add((row["programme"], row["week_start"]))
    for row in await connection.fetch("SELECT * FROM proposal WHERE status = 'OPEN'"):
        state.proposals[row["id"]] = rows.proposal_of(row)
    for row in await connection.fetch("SELECT * FROM offer"):
        state.offers[row["id"]] = rows.offer_of(row, assets)


async def _load_session(connection: Connection, market: Market) -> None:
    """What the session came to so far, and how the price moved lately."""
    instrument = market.instrument
    session = await connection.fetchrow(
        """SELECT coalesce(sum(price::numeric * quantity), 0) AS notional, coalesce(sum(quantity), 0) AS grams
             FROM trade WHERE instrument = $1 AND sequence > $2""",
        instrument.id,
        instrument.session_trades,
    )
    assert session is not None
    market.session_notional, market.session_grams = int(session["notional"]), int(session["grams"])
    minutes = await connection.fetch(
        "SELECT opened_at, open, close FROM candle WHERE instrument = $1 ORDER BY opened_at DESC LIMIT $2",
        instrument.id,
        MINUTES_KEPT,
    )
    for minute in reversed(minutes):
        market.pace.note(minute["opened_at"], minute["open"])
        market.pace.last_price = minute["close"]


async def _load_open(connection: Connection, state: State) -> None:
    instruments = {market.instrument.id: market.instrument for market in state.markets.values()}
    orders = [rows.order_of(row, instruments) for row in await connection.fetch(OPEN_ORDERS)]
    orders.sort(key=lambda order: order.sequence)
    for order in orders:
        state.add_order(order)
    for row in await connection.fetch(TIMERS):
        state.set_timer(row["owner"], row["runs_out"])
    for row in await connection.fetch(OPEN_REDEMPTIONS):
        state.add_redemption(rows.redemption_of(row, state.offers))
    for market in state.markets.values():
        market.book.take_changes()
    owners = {order.owner for order in state.orders.values()}
    owners |= {redemption.owner for redemption in state.redemptions.values()}
    await load_wallets(connection, state, owners | set(range(1, FIRST_OWNER)))
