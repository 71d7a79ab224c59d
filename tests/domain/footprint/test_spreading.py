"""The parts of a long reading: the whole, and each day's share of its time, wherever the clock changes."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.footprint.checks import judge
from domain.footprint.meter_checks import SPREAD_DAYS_MAX
from domain.footprint.model import Direction, Reading
from domain.footprint.spreading import is_long, parts_of

LONDON = ZoneInfo("Europe/London")
ZONES = (
    *("UTC", "Europe/London", "America/New_York", "America/Havana", "America/Santiago", "Africa/Cairo", "Asia/Beirut"),
    *("Asia/Kathmandu", "Asia/Tehran", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kiritimati"),
)
QUARTER_HOUR = 900
FIRST, LAST = 1_262_304_000 // QUARTER_HOUR, 1_767_225_600 // QUARTER_HOUR
"""2010 to 2025, in quarters of an hour since 1970: all clocks of these years change at one of them."""


def local(*moment: int, zone: ZoneInfo = LONDON) -> datetime:
    return datetime(*moment, tzinfo=zone).astimezone(UTC)  # type: ignore[misc, arg-type]


def quantities(start: datetime, end: datetime, value: str, zone: ZoneInfo = LONDON) -> dict[date, str]:
    return {part.day: str(part.value) for part in parts_of(start, end, Decimal(value), zone)}


@given(
    begin=st.integers(FIRST, LAST),
    length=st.integers(1, 402 * 96),
    zone=st.sampled_from(ZONES),
    value=st.decimals(-100_000_000, 100_000_000, places=3) | st.decimals(0, 1_000, places=12),
)
def test_parts_are_the_whole_and_each_is_its_share_of_the_time(
    begin: int, length: int, zone: str, value: Decimal
) -> None:
    quarters = [datetime.fromtimestamp(at * QUARTER_HOUR, UTC) for at in range(begin, begin + length)]
    start, end = quarters[0], quarters[-1] + timedelta(seconds=QUARTER_HOUR)
    held: dict[date, int] = {}
    for moment in quarters:
        day = moment.astimezone(ZoneInfo(zone)).date()
        held[day] = held.get(day, 0) + 1
    parts = list(parts_of(start, end, value, ZoneInfo(zone)))
    assert [part.day for part in parts] == list(held)
    assert sum(part.value for part in parts) == value
    unit = Fraction(1, 10 ** max(3, -int(value.normalize().as_tuple().exponent)))
    for part in parts:
        assert abs(Fraction(part.value) - Fraction(value) * held[part.day] / length) < unit
        assert (part.ends_at - part.starts_at).total_seconds() == held[part.day] * QUARTER_HOUR
    assert [part.starts_at for part in parts[1:]] == [part.ends_at for part in parts[:-1]]
    assert (parts[0].starts_at, parts[-1].ends_at) == (start, end)


def test_days_of_23_and_25_hours_have_their_hours() -> None:
    spring = quantities(local(2026, 3, 28), local(2026, 3, 31), "71")
    assert list(spring.values()) == ["24.000", "23.000", "24.000"]
    autumn = quantities(local(2026, 10, 24), local(2026, 10, 27), "73")
    assert list(autumn.values()) == ["24.000", "25.000", "24.000"]


def test_rounding_goes_on_from_day_to_day() -> None:
    thirds = quantities(local(2026, 1, 1), local(2026, 1, 4), "10")
    assert list(thirds.values()) == ["3.333", "3.333", "3.334"]
    finer = quantities(local(2026, 1, 1), local(2026, 1, 3), "0.00001")
    assert [Decimal(value) for value in finer.values()] == [Decimal("0.00000"), Decimal("0.00001")]


def test_an_interval_within_days_has_parts_of_its_first_and_last() -> None:
    bill = quantities(local(2026, 1, 1, 12), local(2026, 1, 3, 6), "42")
    assert bill == {date(2026, 1, 1): "12.000", date(2026, 1, 2): "24.000", date(2026, 1, 3): "6.000"}


def test_a_day_that_a_zone_left_out_has_no_part() -> None:
    apia = ZoneInfo("Pacific/Apia")
    parts = quantities(local(2011, 12, 29, zone=apia), local(2012, 1, 1, zone=apia), "48", apia)
    assert parts == {date(2011, 12, 29): "24.000", date(2011, 12, 31): "24.000"}


@pytest.mark.parametrize(
    ("start", "end", "long"),
    [
        (local(2026, 10, 25), local(2026, 10, 26), False),
        (local(2026, 10, 24, 6), local(2026, 10, 25, 6), False),
        (local(2026, 1, 1), local(2026, 1, 1, 23, 59, 59), False),
        (local(2026, 1, 1), local(2026, 1, 2, 1, 0, 1), True),
        (local(2026, 1, 1), local(2026, 4, 1), True),
    ],
)
def test_only_what_is_longer_than_the_longest_day_is_long(start: datetime, end: datetime, long: bool) -> None:
    assert is_long(start, end) is long


def test_long_readings_of_one_file_have_a_bound() -> None:
    most = SPREAD_DAYS_MAX // 400
    start = datetime(2020, 1, 1, tzinfo=UTC)
    readings = [
        Reading("m", str(number), start, start + timedelta(days=400), Decimal(1), "kWh", Direction.IMPORT, line=number)
        for number in range(1, most + 3)
    ]
    verdict = judge(readings, datetime(2026, 1, 1, tzinfo=UTC))
    assert verdict.accepted == most
    assert [(item.code, item.line) for item in verdict.rejections] == [
        ("TOO_MANY_DAYS", most + 1),
        ("TOO_MANY_DAYS", most + 2),
    ]
