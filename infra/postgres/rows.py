"""Rows of the writer's tables as domain objects: one function for each kind of row."""

from collections.abc import Mapping
from typing import TypeAlias

import asyncpg
import orjson

from domain.basis import EmissionBasis
from domain.credits.model import Programme
from domain.ledger.model import Asset, AssetKind
from domain.orders.model import (
    Instrument,
    Order,
    OrderReason,
    OrderSide,
    OrderStatus,
    OrderType,
    Proposal,
    ProposalStatus,
    ReservePart,
    SelfTradePrevention,
    TimeInForce,
    TradingPhase,
)
from domain.orders.terms import terms_of
from domain.rewards.model import Offer, Partner, Redemption, RedemptionStatus

Row: TypeAlias = asyncpg.Record


def asset_of(row: Row) -> Asset:
    return Asset(row["id"], row["code"], AssetKind(row["kind"]), row["unit"])


def instrument_of(row: Row, assets: Mapping[int, Asset]) -> Instrument:
    return Instrument(
        id=row["id"],
        symbol=row["symbol"],
        asset=assets[row["asset"]],
        money=assets[row["money"]],
        tick_size=row["tick_size"],
        lot_size=row["lot_size"],
        maker_fee_basis_points=row["maker_fee_basis_points"],
        taker_fee_basis_points=row["taker_fee_basis_points"],
        phase=TradingPhase(row["phase"]),
        reference_price=row["reference_price"],
        price_floor=row["price_floor"],
        price_ceiling=row["price_ceiling"],
        terms=terms_of(orjson.loads(row["terms"])),
        phase_until=row["phase_until"],
        opens_at=row["opens_at"],
        session_start=row["session_start"],
        session_end=row["session_end"],
        session_trades=row["session_trades"],
        anchor_price=row["anchor_price"],
        anchor_until=row["anchor_until"],
        reserve={ReservePart(part): order for part, order in orjson.loads(row["reserve"]).items()},
    )


def proposal_of(row: Row) -> Proposal:
    return Proposal(
        id=row["id"],
        symbol=row["symbol"],
        part=ReservePart(row["part"]),
        price=row["price"],
        quantity=row["quantity"],
        proposed_by=row["proposed_by"],
        proposed_at=row["proposed_at"],
        status=ProposalStatus(row["status"]),
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
    )


_SIDES = {member.value: member for member in OrderSide}
_TYPES = {member.value: member for member in OrderType}
_TIMES_IN_FORCE = {member.value: member for member in TimeInForce}
_STATUSES = {member.value: member for member in OrderStatus}
_SELF_TRADE = {member.value: member for member in SelfTradePrevention}


def order_of(row: Row, instruments: Mapping[int, Instrument]) -> Order:
    return Order(
        id=row["id"],
        owner=row["owner"],
        client_order_id=row["client_order_id"],
        instrument=instruments[row["instrument"]],
        side=_SIDES[row["side"]],
        type=_TYPES[row["type"]],
        time_in_force=_TIMES_IN_FORCE[row["time_in_force"]],
        price=row["price"],
        quantity=row["quantity"],
        post_only=row["post_only"],
        placed_at=row["placed_at"],
        expires_at=row["expires_at"],
        remaining=row["remaining"],
        notional=int(row["notional"]),
        status=_STATUSES[row["status"]],
        reason=OrderReason(row["reason"]) if row["reason"] else None,
        trades_until=row["trades_until"],
        self_trade=_SELF_TRADE[row["self_trade"]],
        moved_by=row["moved_by"],
        placed_quantity=row["placed_quantity"],
        placed_price=row["placed_price"],
    )


def programme_of(row: Row, assets: Mapping[int, Asset]) -> Programme:
    return Programme(
        id=row["id"],
        code=row["code"],
        name=row["name"],
        region=row["region"],
        currency=row["currency"],
        weekly_allowance=row["weekly_allowance"],
        points_per_kg=row["points_per_kg"],
        time_zone=row["time_zone"],
        points_asset=assets[row["points_asset"]],
        allowance_asset=assets[row["allowance_asset"]],
        maker_fee_basis_points=row["maker_fee_basis_points"],
        taker_fee_basis_points=row["taker_fee_basis_points"],
        basis=EmissionBasis(row["basis"]),
    )


def offer_of(row: Row, assets: Mapping[int, Asset]) -> Offer:
    return Offer(
        id=row["id"],
        partner=Partner(row["partner_id"], row["partner_owner"], row["partner_name"]),
        title=row["title"],
        description=row["description"],
        points_asset=assets[row["points_asset"]],
        points=row["points"],
        remaining=row["remaining"],
        valid_until=row["valid_until"],
    )


def redemption_of(row: Row, offers: Mapping[int, Offer]) -> Redemption:
    return Redemption(
        id=row["id"],
        owner=row["owner"],
        offer=offers[row["offer"]],
        points=row["points"],
        code=row["code"],
        status=RedemptionStatus(row["status"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )
