"""One member's week: the whole allowance is issued, at most that is surrendered."""

from datetime import date

import pytest

from domain.credits.model import PeriodStatement, Programme
from domain.credits.surrender import statement
from domain.ledger.model import Asset, AssetKind

MONDAY = date(2026, 6, 22)
PROGRAMME = Programme(
    id=3,
    code="LON",
    name="London",
    region="GB",
    currency="GBP",
    weekly_allowance=70_000,
    points_per_kg=15,
    time_zone="UTC",
    points_asset=Asset(2, "PTS-LON", AssetKind.POINTS, "points"),
    allowance_asset=Asset(3, "PCA-LON-2026", AssetKind.ALLOWANCE, "g"),
)


@pytest.mark.parametrize(
    ("footprint", "issued", "surrendered", "left_over"),
    [
        (None, 0, 0, 0),
        (0, 70_000, 0, 70_000),
        (1, 70_000, 1, 69_999),
        (69_999, 70_000, 69_999, 1),
        (70_000, 70_000, 70_000, 0),
        (70_001, 70_000, 70_000, 0),
        (9_000_000, 70_000, 70_000, 0),
        (-5_000, 70_000, 0, 70_000),
    ],
)
def test_a_week(footprint: int | None, issued: int, surrendered: int, left_over: int) -> None:
    line = statement(PROGRAMME, 1_001, MONDAY, footprint)

    assert line == PeriodStatement(3, 1_001, MONDAY, issued, footprint or 0, surrendered, left_over)
    assert line.week_end == date(2026, 6, 28)
