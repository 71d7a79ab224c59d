"""The rare rows of a batch: assets, instruments, programmes, closed weeks, offers, redemptions, timers.

Orders with another quantity, price or place, too; those that the batch itself places come so.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from domain.turn import Outcome
from infra.postgres.connection import Connection

Written = list[tuple[str, list[tuple[Any, ...]]]]


def rows_of(outcomes: Sequence[Outcome]) -> Written:
    """Statements with their rows as they are now, in the order in which the tables refer to each other."""
    written: Written = []
    changed = [(outcome.sequence, outcome.things) for outcome in outcomes if outcome.things is not None]
    if not changed:
        return written
    instruments = {market.id: market for _, things in changed for market in things.instruments}
    proposals = {proposal.id: proposal for _, things in changed for proposal in things.proposals.values()}
    offers = {offer.id: offer for _, things in changed for offer in things.offers.values()}
    redemptions = {item.id: item for _, things in changed for item in things.redemptions.values()}
    changed_terms = {order.id: order for _, things in changed for order in things.changed_terms.values()}
    timers = {owner: runs_out for _, things in changed for owner, runs_out in things.timers.items()}
    tills = {key: till for _, things in changed for key, till in things.till_references.items()}
    _add(
        written,
        "INSERT INTO asset VALUES ($1, $2, $3, $4)",
        ((asset.id, asset.code, asset.kind, asset.unit) for _, things in changed for asset in things.assets),
    )
    _add(
        written,
        """INSERT INTO instrument VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                                          $18, $19, $20, $21)
           ON CONFLICT (id) DO UPDATE SET
             tick_size = EXCLUDED.tick_size, lot_size = EXCLUDED.lot_size, phase = EXCLUDED.phase,
             reference_price = EXCLUDED.reference_price, price_floor = EXCLUDED.price_floor,
             price_ceiling = EXCLUDED.price_ceiling, terms = EXCLUDED.terms, phase_until = EXCLUDED.phase_until,
             opens_at = EXCLUDED.opens_at, session_start = EXCLUDED.session_start, session_end = EXCLUDED.session_end,
             session_trades = EXCLUDED.session_trades, anchor_price = EXCLUDED.anchor_price,
             anchor_until = EXCLUDED.anchor_until, reserve = EXCLUDED.reserve""",
        (
            (
                market.id,
                market.symbol,
                market.asset.id,
                market.money.id,
                market.tick_size,
                market.lot_size,
                market.maker_fee_basis_points,
                market.taker_fee_basis_points,
                market.phase,
                market.reference_price,
                market.price_floor,
                market.price_ceiling,
                orjson.dumps(market.terms.as_values()).decode(),
                market.phase_until,
                market.opens_at,
                market.session_start,
                market.session_end,
                market.session_trades,
                market.anchor_price,
                market.anchor_until,
                orjson.dumps({part.value: order for part, order in market.reserve.items()}).decode(),
            )
            for market in instruments.values()
        ),
    )
    _add(
        written,
        """INSERT INTO proposal VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
           ON CONFLICT (id) DO UPDATE SET status = EXCLUDED.status, decided_by = EXCLUDED.decided_by,
             decided_at = EXCLUDED.decided_at""",
        (
            (
                proposal.id,
                proposal.symbol,
                proposal.part,
                proposal.price,
                proposal.quantity,
                proposal.proposed_by,
                proposal.proposed_at,
                proposal.status,
                proposal.decided_by,
                proposal.decided_at,
            )
            for proposal in proposals.values()
        ),
    )
    _add(
        written,
        """INSERT INTO programme VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
           ON CONFLICT (id) DO UPDATE SET allowance_asset = EXCLUDED.allowance_asset""",
        (
            (
                programme.id,
                programme.code,
                programme.name,
                programme.region,
                programme.currency,
                programme.weekly_allowance,
                programme.points_per_kg,
                programme.time_zone,
                programme.points_asset.id,
                programme.allowance_asset.id,
                programme.maker_fee_basis_points,
                programme.taker_fee_basis_points,
                programme.basis.value,
            )
            for _, things in changed
            for programme in things.programmes
        ),
    )
    _add(
        written,
        "INSERT INTO period VALUES ($1, $2, $3, $4, $5, $6, $7)",
        (
            (
                period.programme,
                period.week_start,
                period.members,
                period.issued,
                period.surrendered,
                period.left_over,
                sequence,
            )
            for sequence, things in changed
            for period in things.periods
        ),
    )
    _add(
        written,
        "INSERT INTO period_statement VALUES ($1, $2, $3, $4, $5, $6, $7)",
        (
            (
                line.owner,
                line.programme,
                line.week_start,
                line.issued,
                line.footprint,
                line.surrendered,
                line.left_over,
            )
            for _, things in changed
            for line in things.statements
        ),
    )
    _add(
        written,
        """INSERT INTO offer VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
           ON CONFLICT (id) DO UPDATE SET remaining = EXCLUDED.remaining""",
        (
            (
                offer.id,
                offer.partner.id,
                offer.partner.owner,
                offer.partner.name,
                offer.title,
                offer.description,
                offer.points_asset.id,
                offer.points,
                offer.remaining,
                offer.valid_until,
            )
            for offer in offers.values()
        ),
    )
    _add(
        written,
        """INSERT INTO redemption VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           ON CONFLICT (id) DO UPDATE SET status = EXCLUDED.status, till_reference = EXCLUDED.till_reference""",
        (
            (
                item.id,
                item.owner,
                item.offer.id,
                item.points,
                item.code,
                item.status,
                item.created_at,
                item.expires_at,
                tills.get(item.id),
            )
            for item in redemptions.values()
        ),
    )
    _add(
        written,
        """UPDATE orders SET quantity = $2, price = $3, remaining = $4, moved_by = $5, placed_quantity = $6,
                  placed_price = $7 WHERE id = $1""",
        (
            (
                order.id,
                order.quantity,
                order.price,
                order.remaining,
                order.moved_by,
                order.placed_quantity,
                order.placed_price,
            )
            for order in changed_terms.values()
        ),
    )
    _add(
        written,
        """INSERT INTO dead_man_timer VALUES ($1, $2)
           ON CONFLICT (owner) DO UPDATE SET runs_out = EXCLUDED.runs_out""",
        timers.items(),
    )
    return written


def _add(written: Written, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    rows = list(rows)
    if rows:
        written.append((statement, rows))


async def write(connection: Connection, written: Written, seconds: int) -> None:
    """Each statement has so many seconds."""
    for statement, rows in written:
        await connection.executemany(statement, rows, timeout=seconds)
