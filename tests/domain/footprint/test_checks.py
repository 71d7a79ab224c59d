"""The judge of readings: what counts once, what is refused, what is said."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from domain.footprint.checks import HOUSEHOLD_MAX_KW, judge
from domain.footprint.intervals import Interval, without_overlaps
from domain.footprint.model import Commodity, Direction, Reading, Rejection
from domain.footprint.verdict import Verdict

NOW = datetime(2026, 11, 1, tzinfo=UTC)
START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = 3600


def reading(hour: float = 0, value: str = "1", *, hours: float = 1, **fields: object) -> Reading:
    start = START + timedelta(hours=hour)
    values = {
        "source": "meter",
        "register": "E1",
        "start": start,
        "end": start + timedelta(hours=hours),
        "value": Decimal(value),
        "unit": "kWh",
        "direction": Direction.IMPORT,
    }
    return Reading(**(values | fields))  # type: ignore[arg-type]


def judged(items: Iterable[Reading | Rejection]) -> Verdict:
    verdict = judge(items, NOW)
    assert verdict.read == verdict.accepted + verdict.duplicate + verdict.rejected
    return verdict


def codes(verdict: Verdict) -> list[str]:
    return [rejection.code for rejection in verdict.rejections]


def test_equal_repeats_count_once() -> None:
    verdict = judged([reading(0), reading(1), reading(0, "1.000"), reading(0, "1000", unit="Wh")])
    assert (verdict.accepted, verdict.duplicate, verdict.rejected) == (2, 2, 0)
    assert verdict.total(Direction.IMPORT) == 2


def test_of_two_values_the_later_in_the_file_holds() -> None:
    verdict = judged([reading(0, "5", line=3), reading(1), reading(0, "7", line=9)])
    assert verdict.total(Direction.IMPORT) == 8
    assert [(rejection.code, rejection.line) for rejection in verdict.rejections] == [("REPLACED", 3)]
    assert "7 kWh" in verdict.rejections[0].reason
    assert "5 kWh" in verdict.rejections[0].reason


def test_registers_and_meters_are_apart() -> None:
    verdict = judged([reading(0), reading(0, register="E2"), reading(0, source="other")])
    assert verdict.accepted == 3


def test_a_day_gives_way_to_the_hours_that_fill_it() -> None:
    verdict = judged([reading(0, "24", hours=24), *(reading(hour) for hour in range(24))])
    assert (verdict.accepted, verdict.total(Direction.IMPORT)) == (24, 24)
    assert codes(verdict) == ["OVERLAP"]


def test_hours_that_do_not_fill_a_day_give_way_to_it() -> None:
    verdict = judged([*(reading(hour) for hour in range(5)), reading(0, "30", hours=24)])
    assert (verdict.accepted, verdict.total(Direction.IMPORT)) == (1, 30)
    assert codes(verdict) == ["OVERLAP"] * 5


def test_of_two_that_cross_the_earlier_holds() -> None:
    verdict = judged([reading(0, hours=2), reading(1, "9", hours=2)])
    assert verdict.total(Direction.IMPORT) == 1
    assert codes(verdict) == ["OVERLAP"]


def test_bills_may_cross_by_the_hour_of_a_changed_clock() -> None:
    verdict = judged([reading(0, "300", hours=720), reading(719, "310", hours=720)])
    assert verdict.total(Direction.IMPORT) == 610
    assert verdict.rejected == 0


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (reading(value="-0.1"), "NEGATIVE"),
        (reading(value="-0.1", direction=Direction.EXPORT), "NEGATIVE"),
        (reading(value="NaN"), "NOT_A_NUMBER"),
        (reading(value="Infinity"), "NOT_A_NUMBER"),
        (reading(value="1e14"), "ABSURD_VALUE"),
        (reading(value="1e-13"), "TOO_PRECISE"),
        (reading(hours=0), "BAD_INTERVAL"),
        (reading(hours=-1), "BAD_INTERVAL"),
        (reading(hours=24 * 401), "BAD_INTERVAL"),
        (reading(start=datetime(1970, 1, 1, tzinfo=UTC), end=datetime(1970, 1, 2, tzinfo=UTC)), "BAD_TIME"),
        (reading(start=NOW + timedelta(days=2), end=NOW + timedelta(days=3)), "BAD_TIME"),
        (reading(unit="kVArh"), "UNKNOWN_UNIT"),
        (reading(source=""), "BAD_NAME"),
        (reading(source="a\x00b"), "BAD_NAME"),
        (reading(register="r" * 201), "BAD_NAME"),
    ],
)
def test_refuses(bad: Reading, code: str) -> None:
    verdict = judged([bad, reading(5)])
    assert (verdict.accepted, codes(verdict)) == (1, [code])


def test_net_below_zero_is_export() -> None:
    values = [("-2", 0), ("0.5", 1), ("-0.25", 2)]
    verdict = judged([reading(hour, value, direction=Direction.NET, register="net") for value, hour in values])
    assert verdict.total(Direction.NET) == Decimal("-1.75")
    assert verdict.total(Direction.IMPORT) == Decimal("0.5")
    assert verdict.total(Direction.EXPORT) == Decimal("2.25")


def test_net_beside_use_is_a_second_view_of_it() -> None:
    verdict = judged([reading(0, "3"), reading(0, "2", direction=Direction.NET, register="net")])
    assert verdict.total(Direction.IMPORT) == 3
    assert codes(verdict) == ["SECOND_VIEW"]


def test_power_is_energy_over_its_interval() -> None:
    verdict = judged([reading(0, "500", unit="W"), reading(1, "500", unit="W", hours=0.25)])
    assert verdict.total(Direction.IMPORT) == Decimal("0.625")


def test_gaps_are_named_and_not_counted_as_records() -> None:
    verdict = judged([reading(0), reading(5), reading(6)])
    assert verdict.rejected == 0
    assert [(note.code, note.reason) for note in verdict.notes] == [
        ("GAP", "No reading from 2026-01-01T01:00:00Z to 2026-01-01T05:00:00Z (4 h).")
    ]


def test_what_no_household_uses_is_kept_and_marked() -> None:
    verdict = judged([reading(0, str(HOUSEHOLD_MAX_KW)), reading(1, str(HOUSEHOLD_MAX_KW + 1))])
    [(register, indices)] = verdict.kept
    assert [bool(register.implausible[index]) for index in indices] == [False, True]
    assert [note.code for note in verdict.notes] == ["IMPLAUSIBLE"]


def test_gas_keeps_its_unit() -> None:
    verdict = judged([reading(0, "12", hours=720, unit="therm", commodity=Commodity.GAS, register="forward therm")])
    assert [(register.unit, register.commodity) for register, _indices in verdict.kept] == [("therm", Commodity.GAS)]


def test_a_reader_s_own_rejections_count_and_its_notes_do_not() -> None:
    verdict = judged([Rejection("BAD_ROW", "broken", line=4), Rejection("NO_END", "cut?", note=True), reading()])
    assert (verdict.read, verdict.rejected, codes(verdict)) == (2, 1, ["BAD_ROW"])
    assert [note.code for note in verdict.notes] == ["NO_END"]


def test_no_moment_counts_twice(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(300):
        starts = [dice.randrange(40) * HOUR for _ in range(dice.randrange(12))]
        intervals = sorted({Interval(start, start + dice.choice((1, 1, 2, 6, 12)) * HOUR) for start in starts})
        kept, dropped = without_overlaps(intervals)
        assert sorted([*kept, *dropped]) == list(range(len(intervals)))
        covered = [hour for at in kept for hour in range(intervals[at].start, intervals[at].end, HOUR)]
        assert len(covered) == len(set(covered)), intervals
