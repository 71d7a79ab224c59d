"""The judge of journeys, purchases and charges: what counts once, what is refused, what is asked."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.footprint.captured import CapturedRecord
from domain.footprint.checks import Item, Verdict, judge
from domain.footprint.model import ActivityStatus, Rejection
from domain.footprint.records import Charge, Journey, Position, Purchase, TravelMode

NOW = datetime(2026, 11, 1, tzinfo=UTC)
START = datetime(2026, 10, 1, 8, tzinfo=UTC)


def journey(**fields: Any) -> Journey:
    values = {
        "source": "phone",
        "record": "1",
        "start": START,
        "end": START + timedelta(hours=1),
        "mode": TravelMode.CAR,
        "metres": Decimal(30_000),
    }
    return Journey(**(values | fields))


def purchase(**fields: Any) -> Purchase:
    values = {
        "source": "bank 12",
        "record": "1",
        "at": START,
        "amount": Decimal("41.07"),
        "currency": "USD",
        "payee": "SHOP 7",
        "mcc": "5411",
    }
    return Purchase(**(values | fields))


def charge(**fields: Any) -> Charge:
    values = {
        "source": "point 3",
        "record": "1",
        "start": START,
        "end": START + timedelta(hours=1),
        "kwh": Decimal("22.5"),
        "at_home": False,
    }
    return Charge(**(values | fields))


def judged(items: Iterable[Item]) -> Verdict:
    verdict = judge(items, NOW, "GB")
    assert verdict.read == verdict.accepted + verdict.duplicate + verdict.rejected
    return verdict


def test_the_same_record_twice_counts_once() -> None:
    verdict = judged([journey(), journey(metres=Decimal("30000.0"), line=9), purchase(), charge()])
    assert (verdict.accepted, verdict.duplicate, verdict.rejected) == (3, 1, 0)


def test_of_two_records_with_one_id_the_later_holds() -> None:
    verdict = judged([journey(line=1), journey(mode=TravelMode.BUS, line=2)])
    assert [(item.code, item.line) for item in verdict.rejections] == [("REPLACED", 1)]
    assert [item.draft.activity for item in verdict.captured] == ["transport.bus.local_average"]


def test_the_same_id_of_another_source_is_another_record() -> None:
    assert judged([charge(), charge(source="point 4")]).accepted == 2


def test_a_track_is_measured_and_not_kept() -> None:
    track = tuple(
        Position(START + timedelta(minutes=20 * number), Decimal(number) / 10, Decimal(0)) for number in range(3)
    )
    [item] = judged([journey(metres=None, track=track)]).captured
    assert item.draft.quantity == Decimal("22.239")
    assert "0.1" not in item.payload
    [moved] = judged([journey(metres=None, track=(*track[:-1], Position(START, Decimal("0.3"), Decimal(0))))]).captured
    assert moved.payload_hash != item.payload_hash


def test_what_cannot_be_known_is_asked() -> None:
    [item] = judged([journey(mode=TravelMode.MOTORISED)]).captured
    assert item.draft.status is ActivityStatus.QUARANTINED
    assert len(item.draft.choices) > 1
    assert item.draft.activity in item.draft.choices
    assert item.draft.reason


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (journey(source=""), "BAD_NAME"),
        (journey(record="a\x00b"), "BAD_NAME"),
        (journey(record="\ud800"), "BAD_NAME"),
        (journey(record="x" * 201), "BAD_NAME"),
        (journey(start=datetime(1901, 1, 1, tzinfo=UTC)), "BAD_TIME"),
        (journey(end=NOW + timedelta(days=2)), "BAD_TIME"),
        (journey(end=START - timedelta(seconds=1)), "BAD_INTERVAL"),
        (journey(start=START - timedelta(days=8)), "BAD_INTERVAL"),
        (journey(metres=Decimal("NaN")), "ABSURD_VALUE"),
        (journey(metres=Decimal("Infinity")), "ABSURD_VALUE"),
        (journey(metres=Decimal(-1)), "ABSURD_VALUE"),
        (journey(metres=Decimal("1e17")), "ABSURD_VALUE"),
        (journey(metres=Decimal("1e-13")), "ABSURD_VALUE"),
        (journey(metres=None), "NO_DISTANCE"),
        (journey(metres=None, track=(Position(START, Decimal(999), Decimal(0)),) * 2), "BAD_POSITION"),
        (journey(metres=None, track=(Position(START, Decimal("NaN"), Decimal(0)),) * 2), "BAD_POSITION"),
        (journey(shared_by=0), "BAD_SHARE"),
        (purchase(amount=Decimal("NaN")), "ABSURD_VALUE"),
        (purchase(amount=Decimal("-1e400")), "ABSURD_VALUE"),
        (purchase(currency="usd"), "BAD_CURRENCY"),
        (purchase(mcc="54"), "BAD_MCC"),
        (purchase(mcc="\u0665\u0664\u0661\u0661"), "BAD_MCC"),
        (purchase(payee="x" * 501), "BAD_NAME"),
        (charge(kwh=Decimal(-1)), "ABSURD_VALUE"),
        (charge(kwh=Decimal(10**17)), "ABSURD_VALUE"),
        (charge(cancels=""), "BAD_NAME"),
    ],
)
def test_what_cannot_be_is_refused(record: CapturedRecord, code: str) -> None:
    verdict = judged([record])
    assert [item.code for item in verdict.rejections] == [code]
    assert verdict.captured == []


def test_a_rejection_of_the_reader_is_kept() -> None:
    verdict = judged([Rejection("ODD", "Odd.", line=4), purchase()])
    assert (verdict.accepted, verdict.rejected) == (1, 1)
