"""The parts of a story: its calendar, its files, its sums, and how it is shown at any width."""

import io
import json
import re
import xml.etree.ElementTree as ElementTree
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from api.story_picture import picture_of
from api.story_view import show_story
from mobile_stub.habits import sample
from mobile_stub.story import journey_files, meter_files, money_files
from mobile_stub.story.calendar import Year, alike
from mobile_stub.story.checks import check, grams_of
from mobile_stub.story.model import Question, SentFile, Story

LOS_ANGELES = ZoneInfo("America/Los_Angeles")
YEAR = Year.until(date(2026, 11, 22), LOS_ANGELES)
SAMPLES = sample("year")


# ---------------------------------------------------------------- the calendar


def test_a_year_is_twelve_whole_months_and_the_running_one() -> None:
    months = YEAR.months()
    assert (YEAR.first, YEAR.last) == (date(2025, 11, 1), date(2026, 11, 21))
    assert len(months) == 13
    assert months[3] == (date(2026, 2, 1), date(2026, 2, 28))
    assert months[-1] == (date(2026, 11, 1), date(2026, 11, 21))


def test_on_the_first_of_a_month_nothing_of_it_is_told() -> None:
    year = Year.until(date(2026, 12, 1), LOS_ANGELES)
    assert (year.first, year.last) == (date(2025, 12, 1), date(2026, 11, 30))
    assert len(year.months()) == 12


@pytest.mark.parametrize("today", [date(2024, 3, 1), date(2026, 11, 22), date(2027, 8, 1), date(2028, 3, 1)])
def test_a_day_takes_one_of_its_weekday_and_season(today: date) -> None:
    first = date(2016, 8, 1)
    for day in Year.until(today, LOS_ANGELES).days():
        taken = alike(day, first, 365)
        same_date = (day - date(day.year, 1, 1)).days - (taken - date(taken.year, 1, 1)).days
        assert taken.weekday() == day.weekday()
        assert first <= taken <= date(2017, 7, 31)
        assert min(abs(same_date), 365 - abs(same_date)) <= 5


@pytest.mark.parametrize(
    ("day", "hours", "skipped_or_told_twice"),
    [(date(2026, 3, 8), 23, 2), (date(2026, 11, 1), 25, 1), (date(2026, 7, 1), 24, None)],
)
def test_hours_of_clock_changes(day: date, hours: int, skipped_or_told_twice: int | None) -> None:
    shown = [hour for _start, hour in YEAR.hours(day)]
    assert len(shown) == hours
    if hours == 23:
        assert skipped_or_told_twice not in shown
    if hours == 25:
        assert shown.count(1) == 2


@pytest.mark.parametrize(
    ("when", "count", "first"),
    [
        ("week Tue", 55, date(2025, 11, 4)),
        ("2weeks Sat", 28, date(2025, 11, 1)),
        ("month 3", 13, date(2025, 11, 3)),
        ("year 07-10", 1, date(2026, 7, 10)),
    ],
)
def test_rules_of_days(when: str, count: int, first: date) -> None:
    days = YEAR.days_of(when)
    assert (days[0], len(days)) == (first, count)


def test_an_unknown_rule_is_no_silence() -> None:
    with pytest.raises(ValueError, match="no rule of days"):
        YEAR.days_of("sometimes")


# ---------------------------------------------------------------- the files


def test_the_meters_have_every_hour_and_day_once() -> None:
    hours = meter_files.electricity(YEAR, SAMPLES / "electricity_home1_wh.csv")
    days = meter_files.gas(YEAR, SAMPLES / "gas_bills.csv")
    assert len(hours) == 386 * 24 + 1  # Two autumns, one spring.
    assert len({interval.start for interval in hours}) == len(hours)
    assert len(days) == 386
    assert {interval.seconds for interval in days} == {82_800, 86_400, 90_000}
    january = [interval.value for interval in days if interval.start.astimezone(LOS_ANGELES).month == 1]
    assert january == [194_000 // 3 // 30] * 25 + [194_000 // 3 // 29] * 6


def test_the_timeline_has_one_kind_of_day_for_each_day(tmp_path: Path) -> None:
    diary = journey_files.diary(YEAR, SAMPLES)
    assert diary[date(2026, 7, 10)] == diary[date(2026, 7, 20)] == "fly"
    assert not any(date(2026, 7, 10) < day < date(2026, 7, 20) for day in diary)
    assert diary[date(2026, 2, 17)] == "rail"  # A Tuesday.
    written = journey_files.write_timeline(tmp_path / "Timeline.json", YEAR, SAMPLES)
    segments = json.loads(written.read_text(encoding="utf-8"))["semanticSegments"]
    assert segments[0]["startTime"] == "2025-11-01T08:13:02.000-07:00"
    assert sum(segment["activity"]["topCandidate"]["type"] == "FLYING" for segment in segments) == 2


def test_the_trace_and_the_track_keep_their_time_of_day(tmp_path: Path) -> None:
    trace = json.loads(journey_files.write_phone_trace(tmp_path / "trace.json", YEAR, SAMPLES).read_text())
    moments = [datetime.fromtimestamp(entry["data"]["ts"], LOS_ANGELES) for entry in trace if "ts" in entry["data"]]
    assert journey_files.diary(YEAR, SAMPLES)[moments[0].date()] == journey_files.TOLD_TWICE
    assert moments[0].time().replace(microsecond=0) == time(9, 45, 55)
    track = journey_files.write_drive(tmp_path / "drive.gpx", YEAR, SAMPLES).read_text(encoding="utf-8")
    first = datetime.fromisoformat(min(re.findall("<time>([^<]+)<", track))).astimezone(LOS_ANGELES)
    assert (first.weekday(), first.time()) == (5, journey_files.DRIVE_AT)


def test_the_card_and_the_charger_tell_days_of_the_year(tmp_path: Path) -> None:
    rows = money_files.write_card(tmp_path / "card.csv", YEAR, SAMPLES).read_text(encoding="utf-8").splitlines()
    assert rows[1] == "11/01/2025,11/01/2025,ZELLE TRANSFER TO LANDLORD,,Sale,-1450.00,"
    records = json.loads(money_files.write_charges(tmp_path / "charging.json", YEAR, SAMPLES).read_text())["data"]
    assert len({record["id"] for record in records}) == len(records) == 55
    assert records[-1]["total_energy"] == records[-1]["charging_periods"][0]["dimensions"][0]["volume"]


# ---------------------------------------------------------------- the sums, and how they are shown


def told() -> Story:
    """A year of one electric day and one shared ride, everything else as small as it can be."""
    ride = {"factorId": "car", "factorKgPerUnit": "0.2", "factorUnit": "km", "region": "US", "edition": "1"}
    power = {"factorId": "grid", "factorKgPerUnit": "0.1790642063", "factorUnit": "kWh", "region": "US", "edition": "1"}
    story = Story("Rosa", "US-CA", YEAR, fed={})
    story.activities = [
        _activity("METER", "electricity", "27.343", 4_896, 1, power),
        _activity("PHONE", "transport", "10.5", 1_050, 2, ride),
    ]
    story.whole = _summary(5_946)
    story.months = {"2026-10-01": _summary(0), "2026-11-01": _summary(5_946)}
    story.files = [SentFile("meter", "a.xml", _import(1, 4_896), _import(0, 0))]
    story.questions = [Question("Was it?", "it is right", "It was so.", times=1, settled=2)]
    story.goal, story.week_total = 10_000, 5_946
    band = {"expected": 9_000, "low": 8_000, "high": 12_000, "coveragePercent": 80}
    outlook = {"from": "2026-11-01", "to": "2026-11-30", "soFar": 5_946, "forecast": band}
    story.pace = {"goal": 10_000, "left": 4_054, "dailyLeft": 4_054, "daysLeft": 1, "text": "4.0 kg left until Sunday"}
    story.pace |= {"week": outlook, "month": outlook}
    factor = {"factorId": "grid", "label": "Grid", "source": "A <source>", "edition": "1"}
    advice = {"quantity": "2", "kgPerUnitNow": "0.2", "kgPerUnitThen": "0.1", "saved": 200, "savedWeekly": 25}
    advice |= {"change": "c", "title": "Less & less", "assumption": "A.", "arithmetic": "2 x 0.1 = 200 g; 25 g a week"}
    story.advice = [{**advice, "now": factor, "then": None}] * 3
    return story


def _activity(source: str, category: str, quantity: str, grams: int, people: int, factor: dict[str, str]) -> Any:
    explanation = {**factor, "source": "A <source>", "convertedQuantity": quantity, "caveats": [], "formula": "a = b"}
    return {
        "id": source, "activity": factor["factorId"], "category": category, "quantity": quantity, "source": source,
        "status": "COUNTED", "emissions": grams, "sharedBy": people, "startedAt": "2026-11-03T08:00:00Z",
        "explanation": explanation,
    }  # fmt: skip


def _summary(total: int) -> Any:
    parts = [{"category": "electricity", "total": 4_896, "activities": 1}] if total else []
    parts += [{"category": "transport", "total": 1_050, "activities": 1}] if total else []
    return {"total": total, "byCategory": parts, "byDay": [{"date": "2026-11-03", "total": total}]}


def _import(imported: int, grams: int) -> Any:
    return {
        "format": "GREEN_BUTTON", "status": "FINISHED", "recordsRead": 1, "recordsImported": imported,
        "recordsDuplicate": 1 - imported, "recordsRejected": 0, "emissions": grams, "rejections": [],
    }  # fmt: skip


def test_a_sound_story_has_no_failures() -> None:
    story = told()
    check(story, story.whole)
    assert story.failures == []
    assert len(story.checks) == 13


@pytest.mark.parametrize(
    ("spoil", "failing"),
    [
        (lambda story: story.files[0].again.update(recordsImported=1), "sent again, nothing is imported"),
        (lambda story: story.activities[0].update(emissions=4_897), "each record again by hand: the same grams"),
        (lambda story: story.activities[1].update(status="REVERSED"), "the records' sum is viewer.footprint"),
        (lambda story: story.activities[1].update(status="QUARANTINED"), "nothing waits for an answer"),
        (lambda story: story.months.pop("2026-11-01"), "the months' sum is viewer.footprint"),
        (lambda story: story.pace.update(left=4_055), "what is left is goal less the week's footprint"),
        (lambda story: story.advice.pop(), "three changes, again by hand"),
        (lambda story: story.pace["month"].update(forecast=None), "a forecast of the month with its band"),
        (lambda story: story.files[0].first.update(status="FAILED"), "every file was read"),
    ],
)
def test_what_does_not_agree_is_named(spoil: Any, failing: str) -> None:
    story = told()
    spoil(story)
    check(story, _summary(5_946))
    assert failing in [one.name for one in story.checks if not one.ok]


def test_grams_are_rounded_once_half_to_even_and_shared() -> None:
    factor = {"factorId": "f", "factorKgPerUnit": "0.0005", "factorUnit": "km", "region": "US", "edition": "1"}
    assert [grams_of(_activity("PHONE", "c", quantity, 0, 1, factor)) for quantity in ("1", "3", "5")] == [0, 2, 2]
    assert grams_of(_activity("PHONE", "c", "6", 0, 2, factor)) == 2


@pytest.mark.parametrize("width", [80, 132])
def test_the_view_fits_and_has_no_colour_where_nobody_watches(width: int) -> None:
    story = told()
    check(story, story.whole)
    output = io.StringIO()
    show_story(Console(file=output, width=width, soft_wrap=True), story)
    lines = output.getvalue().splitlines()
    assert max(len(line) for line in lines) <= width
    assert "\x1b" not in output.getvalue()
    bar = next(line for line in lines if line.startswith("Nov 2026"))
    room = width - 9 - 12 - 2
    parts = [4_896 * room // 12_000, 5_946 * room // 12_000, 9_000 * room // 12_000, room]
    assert [bar.count(fill) for fill in "█▓·-"] == [parts[0], *(parts[at + 1] - parts[at] for at in range(3))]


def test_the_view_is_coloured_in_a_terminal() -> None:
    story = told()
    check(story, story.whole)
    output = io.StringIO()
    show_story(Console(file=output, width=80, force_terminal=True, color_system="standard"), story)
    bar = next(line for line in output.getvalue().splitlines() if line.startswith("Nov 2026"))
    assert "\x1b[34m██" in bar
    assert "▓" not in bar


def test_the_picture_is_sound_and_its_bars_are_as_high_as_their_grams() -> None:
    story = told()
    root = ElementTree.fromstring(picture_of(story))
    bars = [
        (float(found.attrib["height"]), found.attrib["fill"])
        for found in root.iter("{http://www.w3.org/2000/svg}rect")
        if float(found.attrib.get("y", 0)) < 500 and float(found.attrib["width"]) > 100 and "y" in found.attrib
    ]
    assert bars[:2] == [
        (pytest.approx(300 * 4.896 / 20, abs=0.1), "#3b6fd4"),
        (pytest.approx(300 * 1.05 / 20, abs=0.1), "#2aa6a1"),
    ]
    assert "Less & less" in [found.text for found in root.iter("{http://www.w3.org/2000/svg}text")]
