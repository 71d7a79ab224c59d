"""From a line of a bank statement to an activity: what was spent, at the factor of what such shops sell.

Nothing is counted twice: transfers, cash and what has not happened are no spending; the energy of a utility bill is on
the meter; a ticket or a tank of fuel may be the kilometres of a trip that a phone counts, so each of these is asked,
once. What cannot be told from the code, the payee or the bank's word is asked, and the answer holds for that payee.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from domain.footprint.captured import CapturedDraft
from domain.footprint.model import ActivitySource, ActivityStatus
from domain.footprint.price_levels import home_currency, worth_in_2022
from domain.footprint.pump_prices import litres_of
from domain.footprint.records import PaymentKind, Purchase
from domain.footprint.spend_categories import INCOME, category_of, folded, payee_key
from domain.footprint.spend_table import ASKED, FUEL, GENERAL_GOODS, Category, Use

UNIT = "USD_2022"
LARGE_DOLLARS = 10_000
"""More than this in one payment waits for its owner: a car or a deposit is no ordinary purchase."""
TOPIC_MAX = 120
PETROL, DIESEL = "energy.petrol_blend.l", "energy.diesel_blend.l"
FUEL_REGION = "GB"
_FOREIGN_BLEND = "The factor is of fuel as the United Kingdom sells it, with its part of biofuel."

_NOT_SPENT = {
    PaymentKind.TRANSFER: "A transfer moves money and buys nothing.",
    PaymentKind.CASH: "What cash was spent on cannot be known.",
    PaymentKind.INCOME: "Money that came in is no spending.",
    PaymentKind.PENDING: "The payment is pending. It counts when the bank has booked it.",
    PaymentKind.REVERTED: "The payment was taken back.",
}
_CHOICES = tuple(category.factor for category in ASKED)


@dataclass(frozen=True, slots=True)
class _Amount:
    """Dollars of 2022 and how they came about; `currency` is the one taken where the file names none."""

    dollars: Decimal
    currency: str
    caveats: tuple[str, ...]


def draft_of_purchase(purchase: Purchase, region: str) -> CapturedDraft:
    reason = _NOT_SPENT.get(purchase.kind)
    if reason is None and purchase.amount < 0 and INCOME.search(folded(purchase.payee)):
        reason = _NOT_SPENT[PaymentKind.INCOME]
    if reason is not None:
        return _not_counted(purchase, reason)
    category = category_of(purchase.mcc, purchase.payee, purchase.category)
    if category is not None and category.use is Use.NONE:
        return _not_counted(purchase, f"This is {category.label}: nothing was bought.")
    if category is not None and category.use is Use.UTILITY:
        return _not_counted(purchase, f"A meter or a charger counts this energy: {category.label}.")
    amount = _amount(purchase, region)
    if amount is None:
        shown = purchase.currency or "the money of this file, which names none"
        return _not_counted(purchase, f"There is no exchange rate for {shown}.")
    if category is FUEL:
        return _fuel(purchase, amount, region)
    return _spend(purchase, amount, category)


def _amount(purchase: Purchase, region: str) -> _Amount | None:
    currency = purchase.currency or home_currency(region)
    worth = worth_in_2022(purchase.amount, currency, purchase.at.year) if currency else None
    if worth is None or currency is None:
        return None
    assumed = () if purchase.currency else (f"The file names no currency: {currency} was taken.",)
    return _Amount(worth.dollars, currency, (*assumed, *worth.caveats))


def _spend(purchase: Purchase, amount: _Amount, category: Category | None) -> CapturedDraft:
    shown = category or GENERAL_GOODS
    topic = f"payee {payee_key(purchase.payee)}"[:TOPIC_MAX]
    question = ""
    choices: tuple[str, ...] = ()
    if category is None:
        payee = purchase.payee or "this payment"
        question = f"What is {payee}? Choose what you bought there, or discard it if it was no purchase."
        if amount.dollars < 0:
            question = f"What is {payee}? Choose what you got money back for, or discard it if it is income."
        choices = _CHOICES
    elif category.use is Use.TRIP:
        question = f"Do your trips count {category.label} already? Discard this payment then, else confirm it."
        topic = f"trips {category.label}"
    if abs(amount.dollars) > LARGE_DOLLARS:
        topic = ""
        question = question or f"More than {LARGE_DOLLARS:,} dollars in one payment: did you buy {shown.label}?"
    return CapturedDraft(
        activity=shown.factor,
        quantity=amount.dollars,
        unit=UNIT,
        started_at=purchase.at,
        ended_at=None,
        source=ActivitySource.BANK,
        region="US",
        status=ActivityStatus.QUARANTINED if question else ActivityStatus.COUNTED,
        reason=question,
        choices=choices,
        caveats=(*amount.caveats, _average(shown.label)),
        topic=topic,
    )


@cache
def _average(label: str) -> str:
    return f"The factor is an average of {label} in the United States, by price: what you bought may be far from it."


def _fuel(purchase: Purchase, amount: _Amount, region: str) -> CapturedDraft:
    """Litres at the pump price: the spend factor of refineries stops before the fuel is burned."""
    bought = litres_of(purchase.amount, amount.currency, purchase.at.year)
    if bought is None:
        return _not_counted(purchase, f"How much fuel this was cannot be told: no pump price in {amount.currency}.")
    return CapturedDraft(
        activity=PETROL,
        quantity=bought.litres,
        unit="L",
        started_at=purchase.at,
        ended_at=None,
        source=ActivitySource.BANK,
        region=FUEL_REGION,
        status=ActivityStatus.QUARANTINED,
        reason="Fuel: do your trips count this car's kilometres already? Discard it then, else say what you filled in.",
        choices=(PETROL, DIESEL),
        caveats=bought.caveats if region.startswith(FUEL_REGION) else (*bought.caveats, _FOREIGN_BLEND),
        topic="fuel",
    )


def _not_counted(purchase: Purchase, reason: str) -> CapturedDraft:
    return CapturedDraft(
        activity=None,
        quantity=Decimal(0),
        unit=UNIT,
        started_at=purchase.at,
        ended_at=None,
        source=ActivitySource.BANK,
        reason=reason,
    )
