"""How journeys, purchases and charges are judged, whatever format they came in; `checks.py` is the way in.

Within one file a record counts once by its source and own id: the same again is a duplicate, of two that differ the
later holds. What cannot be is refused; what is merely odd is kept, and asked about where it is recorded.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from domain.footprint.calculation import SHARED_BY_MAX
from domain.footprint.captured import Captured, CapturedRecord, captured
from domain.footprint.drafting import draft_of
from domain.footprint.journey_draft import draft_of_trip
from domain.footprint.model import Rejection
from domain.footprint.plausibility import JOURNEY_MAX_TIME
from domain.footprint.records import Charge, Journey, Purchase
from domain.footprint.travel import NoJourney, Trip, once, trip_of
from domain.footprint.units import has_places
from domain.footprint.verdict import DECIMAL_PLACES_MAX, EARLIEST, FUTURE_GRACE, Verdict
from domain.text import shown

RECORDS_MAX = 200_000
NAME_LENGTH_MAX = 200
TEXT_LENGTH_MAX = 500
JOURNEY_MAX_METRES = 25_000_000
"""More than half the way round the earth, which is the farthest that a flight goes."""
CHARGE_MAX_TIME = timedelta(days=31)
CHARGE_MAX_KWH = 2_000
AMOUNT_MAX = 10**9

Fault = tuple[str, str]


class RecordBench:
    """Takes a file's records one by one."""

    def __init__(self, now: datetime, region: str) -> None:
        self._latest = now + FUTURE_GRACE
        self._region = region
        self._kept: dict[tuple[str, str], Captured] = {}
        self._trips: dict[tuple[str, str], Trip] = {}

    def take(self, record: CapturedRecord, verdict: Verdict) -> None:
        fault = self._fault(record)
        if fault is not None:
            code, reason = fault
            verdict.refuse(Rejection(code, reason, line=record.line, record=_shown(record)))
            return
        try:
            trip = trip_of(record) if isinstance(record, Journey) and record.kwh is None else None
        except NoJourney as error:
            verdict.refuse(Rejection(error.code, error.reason, line=record.line, record=_shown(record)))
            return
        item = captured(record, draft_of_trip(trip, self._region) if trip else draft_of(record, self._region))
        earlier = self._kept.get((item.source, item.record))
        if earlier is not None and earlier.payload_hash == item.payload_hash:
            verdict.duplicate += 1
            return
        if earlier is not None:
            text = "The file has this record twice: the one that comes later holds."
            verdict.refuse(Rejection("REPLACED", text, line=earlier.line, record=_shown(record)))
        self._kept[item.source, item.record] = item
        if trip:
            self._trips[item.source, item.record] = trip

    def close(self, verdict: Verdict) -> None:
        """Lets each moment of travel count once and puts the records in order. Called once, after the last one."""
        self._settle_overlaps(verdict)
        verdict.captured.extend(sorted(self._kept.values(), key=lambda item: item.draft.started_at))

    def _settle_overlaps(self, verdict: Verdict) -> None:
        keys = list(self._trips)
        result = once([self._trips[key] for key in keys])
        for index in result.lost:
            item = self._kept.pop(keys[index])
            text = "Another journey of the file is the same movement or takes most of its time."
            verdict.refuse(Rejection("OVERLAP", text, line=item.line, record=f"{item.source} {item.record}"[:200]))
        for index, trip in result.changed.items():
            item = self._kept[keys[index]]
            self._kept[keys[index]] = replace(item, draft=draft_of_trip(trip, self._region))

    def _fault(self, record: CapturedRecord) -> Fault | None:
        if not (_is_name(record.source) and _is_name(record.record)):
            return "BAD_NAME", "The record's id or that of its source is empty, too long, or cannot be read."
        if len(self._kept) >= RECORDS_MAX:
            return "TOO_MANY_RECORDS", f"A file may hold at most {RECORDS_MAX:,} records. Send it in parts."
        match record:
            case Purchase():
                return self._time_fault(record.at, record.at, timedelta()) or _purchase_fault(record)
            case Charge():
                return self._time_fault(record.start, record.end, CHARGE_MAX_TIME) or _charge_fault(record)
            case Journey():
                return self._time_fault(record.start, record.end, JOURNEY_MAX_TIME) or _journey_fault(record)

    def _time_fault(self, start: datetime, end: datetime, longest: timedelta) -> Fault | None:
        if start < EARLIEST:
            return "BAD_TIME", f"The record lies before {EARLIEST.year}."
        if end > self._latest:
            return "BAD_TIME", "The record lies in the future."
        if end < start:
            return "BAD_INTERVAL", "The record ends before it starts."
        if end - start > longest:
            return "BAD_INTERVAL", f"The record lasts longer than {longest.days} days."
        return None


def _journey_fault(journey: Journey) -> Fault | None:
    if not 1 <= journey.shared_by <= SHARED_BY_MAX:
        return "BAD_SHARE", f"A journey is shared by 1 to {SHARED_BY_MAX} people."
    if journey.kwh is not None and not (_is_number(journey.kwh, CHARGE_MAX_KWH) and journey.kwh >= 0):
        return "ABSURD_VALUE", f"The energy is below zero, no number, or more than {CHARGE_MAX_KWH:,} kWh."
    if journey.metres is None and len(journey.track) < 2:
        return "NO_DISTANCE", "The journey has neither a distance nor a track."
    for point in journey.track:
        if not (_is_number(point.latitude, 90) and _is_number(point.longitude, 180)):
            return "BAD_POSITION", "A point of the track lies nowhere on earth."
    if journey.metres is not None and not (_is_number(journey.metres, JOURNEY_MAX_METRES) and journey.metres >= 0):
        return "ABSURD_VALUE", "The distance is below zero, no number, or more than half the way round the earth."
    return None


def _purchase_fault(purchase: Purchase) -> Fault | None:
    if not _is_number(purchase.amount, AMOUNT_MAX):
        return "ABSURD_VALUE", "The amount is no number, or more than a person spends."
    currency = purchase.currency
    if currency and not (len(currency) == 3 and currency.isascii() and currency.isupper()):
        return "BAD_CURRENCY", "The currency is not a code of three letters."
    if purchase.mcc is not None and not (
        len(purchase.mcc) == 4 and purchase.mcc.isascii() and purchase.mcc.isdecimal()
    ):
        return "BAD_MCC", "The merchant category is not a code of four digits."
    if len(purchase.payee) > TEXT_LENGTH_MAX:
        return "BAD_NAME", "The payee's name is too long."
    return None


def _charge_fault(charge: Charge) -> Fault | None:
    if charge.cancels is not None and not _is_name(charge.cancels):
        return "BAD_NAME", "The id of the record that is cancelled is empty, too long, or cannot be read."
    if not (_is_number(charge.kwh, CHARGE_MAX_KWH) and (charge.kwh >= 0 or charge.cancels is not None)):
        return "ABSURD_VALUE", f"The energy is below zero, no number, or more than {CHARGE_MAX_KWH:,} kWh."
    return None


def _is_name(text: str) -> bool:
    return 0 < len(text) <= NAME_LENGTH_MAX and text.isprintable()


def _is_number(value: Decimal, largest: int) -> bool:
    """Finite, not beyond `largest` either way, and with no more decimal places than can be kept."""
    return value.is_finite() and abs(value) <= largest and has_places(value, DECIMAL_PLACES_MAX)


def _shown(record: CapturedRecord) -> str:
    return shown(f"{record.source} {record.record}", 200)
