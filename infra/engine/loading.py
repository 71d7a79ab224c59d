"""Brings into the engine's memory what a batch of commands names and what is not there yet."""

from collections.abc import Iterable, Sequence

from domain.commands import Answer, CancelOrder, CancelRedemption, CaptureRedemption, Command, ReplaceOrder
from domain.state import State, Wallet
from infra.engine.encoding import array
from infra.engine.journal import answer_of
from infra.postgres import rows
from infra.postgres.connection import Connection

Earlier = dict[tuple[int, int], tuple[bytes, Answer]]
"""By caller and key, as numbers: the hash of what was asked, and the answer."""
# An order is found by the command that placed it: it has its key and its number.
EARLIER = """SELECT u.means_order, c.caller, c.key, c.payload_hash, c.answer_kind, c.answer, o AS placed
               FROM unnest($1::text::bigint[], $2::text::uuid[], $3::text::boolean[]) AS u(caller, key, means_order)
               JOIN command c USING (caller, key)
               LEFT JOIN orders o ON u.means_order AND o.id = c.sequence AND o.owner = c.caller"""


async def earlier_answers(connection: Connection, state: State, commands: Sequence[Command]) -> Earlier:
    """What was answered before under keys of these commands; brings in the ended orders that they name."""
    keys = [(command.caller, command.key, False) for command in commands if command.key is not None]
    keys += [
        (command.caller, command.client_order_id, True)
        for command in commands
        if isinstance(command, CancelOrder | ReplaceOrder)
        and not state.will_know((command.caller, command.client_order_id))
    ]
    earlier: Earlier = {}
    if not keys:
        return earlier
    instruments = {market.instrument.id: market.instrument for market in state.markets.values()}
    for row in await connection.fetch(EARLIER, *map(array, zip(*keys, strict=True))):
        caller, key = row["caller"], row["key"]
        if not row["means_order"]:
            earlier[caller, key.int] = (row["payload_hash"], answer_of(row["answer_kind"], row["answer"]))
        elif row["placed"] is not None:
            state.ended_orders[caller, key] = rows.order_of(row["placed"], instruments)
    return earlier


async def load_named(connection: Connection, state: State, commands: Iterable[Command]) -> None:
    """Wallets of the owners, and ended redemptions that a command asks about."""
    commands = list(commands)
    await load_wallets(connection, state, {owner for command in commands for owner in command.owners()})
    await _load_ended_redemptions(connection, state, commands)


async def load_wallets(connection: Connection, state: State, owners: set[int]) -> None:
    """Balances and event counters; an owner without any gets an empty wallet."""
    missing = sorted([owner for owner in owners if owner not in state.wallets])
    if not missing:
        return
    for owner in missing:
        state.wallets[owner] = Wallet()
    for row in await connection.fetch(
        "SELECT owner, asset, available, held FROM balance WHERE owner = ANY($1::bigint[])", missing
    ):
        state.wallets[row["owner"]].balances[row["asset"]] = [row["available"], row["held"]]
    for row in await connection.fetch(
        """SELECT o.owner, e.last_sequence FROM unnest($1::bigint[]) o(owner) CROSS JOIN LATERAL
             (SELECT last_sequence FROM account_event a WHERE a.owner = o.owner
               ORDER BY last_sequence DESC LIMIT 1) e""",
        missing,
    ):
        state.wallets[row["owner"]].event_sequence = row["last_sequence"]


async def _load_ended_redemptions(connection: Connection, state: State, commands: list[Command]) -> None:
    ids = [
        command.redemption
        for command in commands
        if isinstance(command, CancelRedemption) and state.redemption(command.redemption) is None
    ]
    codes = [
        command.code
        for command in commands
        if isinstance(command, CaptureRedemption) and command.code not in state.redemption_codes
    ]
    if not ids and not codes:
        return
    for row in await connection.fetch(
        "SELECT * FROM redemption WHERE id = ANY($1::bigint[]) OR code = ANY($2::text[])", ids, codes
    ):
        state.remember_ended_redemption(rows.redemption_of(row, state.offers))
