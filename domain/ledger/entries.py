"""The legs of every kind of entry. Each function returns postings that sum to zero for each asset.

`checked` proves it: it is called on every entry that the engine writes, in production too.
"""

from collections.abc import Sequence

from domain.ledger.model import Posting, SystemAccount


def checked(postings: Sequence[Posting]) -> tuple[Posting, ...]:
    """The postings without empty legs; raises ArithmeticError where an asset does not sum to zero."""
    sums: dict[int, int] = {}
    has_empty_leg = False
    for _, asset, _, amount in postings:
        sums[asset] = sums.get(asset, 0) + amount
        if not amount:
            has_empty_leg = True
    if any(sums.values()):
        raise ArithmeticError(f"unbalanced entry: {postings}")
    return tuple([posting for posting in postings if posting.amount]) if has_empty_leg else tuple(postings)


def deposit(owner: int, asset: int, amount: int) -> tuple[Posting, ...]:
    return checked((Posting(SystemAccount.FLOAT, asset, False, -amount), Posting(owner, asset, False, amount)))


def issuance(owner: int, asset: int, amount: int) -> tuple[Posting, ...]:
    return checked((Posting(SystemAccount.ISSUANCE, asset, False, -amount), Posting(owner, asset, False, amount)))


def period_close(owner: int, asset: int, issued: int, surrendered: int) -> tuple[Posting, ...]:
    """The whole allowance is issued, what was emitted is surrendered, only the rest becomes the member's."""
    return checked(
        (
            Posting(SystemAccount.ISSUANCE, asset, False, -issued),
            Posting(SystemAccount.SURRENDERED, asset, False, surrendered),
            Posting(owner, asset, False, issued - surrendered),
        )
    )


def conversion(owner: int, asset: int, grams: int, points_asset: int, points: int) -> tuple[Posting, ...]:
    return checked(
        (
            Posting(owner, asset, False, -grams),
            Posting(SystemAccount.CONVERTED, asset, False, grams),
            Posting(SystemAccount.ISSUANCE, points_asset, False, -points),
            Posting(owner, points_asset, False, points),
        )
    )


def hold(owner: int, asset: int, amount: int) -> tuple[Posting, ...]:
    return checked((Posting(owner, asset, False, -amount), Posting(owner, asset, True, amount)))


def release(owner: int, asset: int, amount: int) -> tuple[Posting, ...]:
    return checked((Posting(owner, asset, True, -amount), Posting(owner, asset, False, amount)))


def capture(owner: int, partner: int, points_asset: int, points: int) -> tuple[Posting, ...]:
    """Held points become the partner's: what the programme owes the shop."""
    return checked((Posting(owner, points_asset, True, -points), Posting(partner, points_asset, False, points)))


def trade(
    *,
    buyer: int,
    seller: int,
    money: int,
    grams_asset: int,
    grams: int,
    value: int,
    buyer_fee: int,
    seller_fee: int,
    buyer_release: int,
) -> tuple[Posting, ...]:
    """Delivery versus payment: money and grams in one entry, both out of what was held.

    `buyer_release` is the part of the buyer's hold that this fill did not need.
    """
    return checked(
        (
            Posting(buyer, money, True, -(value + buyer_fee + buyer_release)),
            Posting(buyer, money, False, buyer_release),
            Posting(seller, money, False, value - seller_fee),
            Posting(SystemAccount.FEES, money, False, buyer_fee + seller_fee),
            Posting(seller, grams_asset, True, -grams),
            Posting(buyer, grams_asset, False, grams),
        )
    )
