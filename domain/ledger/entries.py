"""The legs of every kind of entry. They sum to zero for each asset: `Turn.post` proves it of every entry it writes."""

from domain.ledger.model import Leg, SystemAccount


def deposit(owner: int, asset: int, amount: int) -> tuple[Leg, ...]:
    return ((SystemAccount.FLOAT, asset, False, -amount), (owner, asset, False, amount))


def issuance(owner: int, asset: int, amount: int) -> tuple[Leg, ...]:
    return ((SystemAccount.ISSUANCE, asset, False, -amount), (owner, asset, False, amount))


def period_close(owner: int, asset: int, issued: int, surrendered: int) -> tuple[Leg, ...]:
    """The whole allowance is issued, what was emitted is surrendered, only the rest becomes the member's."""
    return (
        (SystemAccount.ISSUANCE, asset, False, -issued),
        (SystemAccount.SURRENDERED, asset, False, surrendered),
        (owner, asset, False, issued - surrendered),
    )


def conversion(owner: int, asset: int, grams: int, points_asset: int, points: int) -> tuple[Leg, ...]:
    return (
        (owner, asset, False, -grams),
        (SystemAccount.CONVERTED, asset, False, grams),
        (SystemAccount.ISSUANCE, points_asset, False, -points),
        (owner, points_asset, False, points),
    )


def hold(owner: int, asset: int, amount: int) -> tuple[Leg, ...]:
    return ((owner, asset, False, -amount), (owner, asset, True, amount))


def release(owner: int, asset: int, amount: int) -> tuple[Leg, ...]:
    return ((owner, asset, True, -amount), (owner, asset, False, amount))


def capture(owner: int, partner: int, points_asset: int, points: int) -> tuple[Leg, ...]:
    """Held points become the partner's: what the programme owes the shop."""
    return ((owner, points_asset, True, -points), (partner, points_asset, False, points))


def trade(
    buyer: int,
    seller: int,
    money: int,
    grams_asset: int,
    grams: int,
    value: int,
    buyer_fee: int,
    seller_fee: int,
    buyer_release: int,
) -> tuple[Leg, ...]:
    """Delivery versus payment: money and grams in one entry, both out of what was held.

    `buyer_release` is the part of the buyer's hold that this fill did not need.
    """
    return (
        (buyer, money, True, -(value + buyer_fee + buyer_release)),
        (buyer, money, False, buyer_release),
        (seller, money, False, value - seller_fee),
        (SystemAccount.FEES, money, False, buyer_fee + seller_fee),
        (seller, grams_asset, True, -grams),
        (buyer, grams_asset, False, grams),
    )
