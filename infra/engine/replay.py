"""All commands from zero through the engine of today: the same trades, answers and balances, or it says where not.

What a replay keeps in memory is all that ever was open or owned, so a gigabyte or two for a million orders.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import asyncpg

from domain.commands import Command
from domain.engine import Engine
from domain.turn import Outcome
from infra.engine.journal import command_of
from infra.postgres.connection import Connection

FETCH = 5_000


@dataclass(frozen=True, slots=True)
class Replayed:
    command: Command
    outcome: Outcome
    answer_kind: str
    """What was answered when it first ran."""


async def replay(connection: Connection) -> AsyncIterator[tuple[Engine, Replayed]]:
    """Every stored command in its order, applied again at its own time. Needs a transaction (it reads by cursor)."""
    engine = Engine()
    async for row in connection.cursor("SELECT * FROM command ORDER BY sequence", prefetch=FETCH):
        command = command_of(row["kind"], row["caller"], row["key"], row["payload"])
        outcome = engine.apply(command, row["at"])
        yield engine, Replayed(command, outcome, row["answer_kind"])


Progress = Callable[[int, int], None]
"""Hears how many commands are done, and how many there are."""


async def first_difference(database_url: str, progress: Progress | None = None) -> tuple[int, bytes, str | None]:
    """Replays the log and compares trades, answers, final balances and the final book digest with what is stored.

    Returns the number of commands, the digest that the replay ends with, and the first difference or None.
    """
    connection = await asyncpg.connect(database_url, server_settings={"application_name": "gramme-replay"})
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            stored = aiter(connection.cursor(_TRADES, prefetch=FETCH))
            total = await connection.fetchval("SELECT count(*) FROM command") if progress else 0
            engine = Engine()
            count = 0
            async for engine, replayed in replay(connection):
                count += 1
                if progress is not None and (count % FETCH == 0 or count == total):
                    progress(count, total)
                outcome = replayed.outcome
                if outcome.answer.kind != replayed.answer_kind:
                    told = f"command {count} was answered {replayed.answer_kind}, now {outcome.answer.kind}"
                    return count, engine.state.digest(), told
                for trade, _ in outcome.trades:
                    row = await anext(stored, None)
                    if row is None or tuple(row) != (*trade, outcome.sequence):
                        return count, engine.state.digest(), f"command {count} made other trades"
            if await anext(stored, None) is not None:
                return count, engine.state.digest(), "more trades are stored than the commands make"
            return count, engine.state.digest(), await _difference_at_the_end(connection, engine)
    finally:
        await connection.close()


async def _difference_at_the_end(connection: Connection, engine: Engine) -> str | None:
    digest = await connection.fetchval("SELECT book_digest FROM batch ORDER BY sequence DESC LIMIT 1")
    if digest is not None and digest != engine.state.digest():
        return "the open orders differ at the end"
    replayed = {
        (owner, asset): (balance[0], balance[1])
        for owner, wallet in engine.state.wallets.items()
        for asset, balance in wallet.balances.items()
    }
    async for row in connection.cursor("SELECT owner, asset, available, held FROM balance", prefetch=FETCH):
        owner, asset, available, held = row
        if replayed.pop((owner, asset), (0, 0)) != (available, held):
            return f"owner {owner} has another balance of asset {asset} at the end"
    if any(balance != (0, 0) for balance in replayed.values()):
        return "balances are missing at the end"
    return None


_TRADES = """SELECT instrument, sequence, price, quantity, value, buy_order, sell_order, buyer_fee, seller_fee,
                    aggressor, command FROM trade ORDER BY command, instrument, sequence"""
