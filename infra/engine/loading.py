"""Brings into the engine's memory what a batch of commands names and what is not there yet."""

from collections.abc import Iterable

from domain.commands import CancelOrder, CancelRedemption, CaptureRedemption, Command, ReplaceOrder
from domain.state import State, Wallet
from infra.engine.encoding import array
from infra.postgres import rows
from infra.postgres.connection import Connection


async def load_named(connection: Connection, state: State, commands: Iterable[Command]) -> None:
    """Wallets of the owners, and ended orders and redemptions that a command asks about."""
    commands = list(commands)
    await load_wallets(connection, state, {owner for command in commands for owner in command.owners()})
    await _load_ended_orders(connection, state, commands)
    await _load_ended_redemptions(connection, state, commands)


async def load_wallets(connection: Connection, state: State, owners: set[int]) -> None:
    """Balances and event counters; an owner without any gets an empty wallet."""
    missing = sorted(owners - state.wallets.keys())
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


async def _load_ended_orders(connection: Connection, state: State, commands: list[Command]) -> None:
    keys = [
        (command.caller, command.client_order_id)
        for command in commands
        if isinstance(command, CancelOrder | ReplaceOrder)
        and state.order((command.caller, command.client_order_id)) is None
    ]
    if not keys:
        return
    instruments = {market.instrument.id: market.instrument for market in state.markets.values()}
    for row in await connection.fetch(
        """SELECT o.* FROM unnest($1::text::bigint[], $2::text::uuid[]) AS u(owner, client_order_id)
             JOIN command c ON c.caller = u.owner AND c.key = u.client_order_id
             JOIN orders o ON o.id = c.sequence AND o.owner = c.caller""",
        array([owner for owner, _ in keys]),
        array([key for _, key in keys]),
    ):
        order = rows.order_of(row, instruments)
        state.ended_orders[order.owner, order.client_order_id] = order


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
