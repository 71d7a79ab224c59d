"""From a line of a bank statement to an activity: what was spent, at the factor of what such shops sell.

Transfers, cash and bills that a meter has already are no spend. The factors are the US EPA's, in dollars of 2022.
"""

from decimal import Decimal

from domain.footprint.captured import CapturedDraft
from domain.footprint.model import ActivitySource
from domain.footprint.records import Purchase

_UNIT = "USD_2022"
_CURRENCY = "USD"
_FACTORS = {
    ("5541", "5542"): "spend.naics.447110",
    ("4111", "4112", "4131"): "spend.naics.485113",
    ("4121",): "spend.naics.485310",
    ("4511",): "spend.naics.481111",
    ("7011",): "spend.naics.721110",
    ("5411", "5422", "5499"): "spend.naics.445110",
    ("5811", "5812", "5813"): "spend.naics.722511",
    ("5814",): "spend.naics.722513",
}
_FACTOR_OF = {mcc: factor for group, factor in _FACTORS.items() for mcc in group}
_NO_SPEND = {
    "6010": "Cash is spent elsewhere.",
    "6011": "Cash is spent elsewhere.",
    "6012": "A transfer is no purchase.",
    "4900": "The meter has this energy already.",
}


def draft_of_purchase(purchase: Purchase, _region: str) -> CapturedDraft:
    reason = _NO_SPEND.get(purchase.mcc or "")
    activity = _FACTOR_OF.get(purchase.mcc or "")
    if reason is None and activity is None:
        reason = "What was bought cannot be told."
    if reason is None and purchase.currency != _CURRENCY:
        reason = f"There is no price level for {purchase.currency}."
    return CapturedDraft(
        activity=activity if reason is None else None,
        quantity=purchase.amount if reason is None else Decimal(0),
        unit=_UNIT,
        started_at=purchase.at,
        ended_at=None,
        source=ActivitySource.BANK,
        region="US",
        reason=reason or "",
    )
