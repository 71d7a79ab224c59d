"""Which function makes an activity of which kind of record. A kind has one module with one function."""

from collections.abc import Callable
from typing import Any

from domain.footprint.captured import CapturedDraft, CapturedRecord
from domain.footprint.charge_draft import draft_of_charge
from domain.footprint.journey_draft import draft_of_journey
from domain.footprint.purchase_draft import draft_of_purchase
from domain.footprint.records import Charge, Journey, Purchase

_DRAFTS: dict[type[CapturedRecord], Callable[[Any, str], CapturedDraft]] = {
    Journey: draft_of_journey,
    Purchase: draft_of_purchase,
    Charge: draft_of_charge,
}


def draft_of(record: CapturedRecord, region: str) -> CapturedDraft:
    """What a judged record is to become for a person who lives in `region`. Pure."""
    return _DRAFTS[type(record)](record, region)
