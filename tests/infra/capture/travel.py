"""What the tests of travel readers share."""

from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from domain.footprint.model import Rejection
from domain.footprint.records import Journey
from domain.footprint.tracks import clean_track
from infra.capture.registry import reader_of

SHANGHAI = ZoneInfo("Asia/Shanghai")


def read(path: Path, zone: ZoneInfo = SHANGHAI) -> tuple[list[Journey], list[Rejection]]:
    items = list(reader_of(path, zone).read(path))
    return (
        [item for item in items if isinstance(item, Journey)],
        [item for item in items if isinstance(item, Rejection)],
    )


def kilometres(journey: Journey) -> Decimal:
    if journey.metres is not None:
        return journey.metres / 1000
    return Decimal(clean_track(journey.track).millimetres) / 10**6


def within(value: Decimal, wanted: Decimal, percent: Decimal) -> bool:
    return abs(value - wanted) * 100 <= wanted * percent
