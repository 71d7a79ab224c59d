"""What two phones and a satnav know of a year's journeys: Google Timeline, one day of e-mission, one track."""

import json
import re
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from mobile_stub.storage import Json
from mobile_stub.story.calendar import Year, in_turn, table

AWAY = ("07-10", "07-20")
"""Nothing of the diary happens between the two flights."""
TOLD_TWICE = "drive"
DRIVE_AT = time(11, 15)
_TIME = re.compile(r"<time>([^<]+)</time>")


def write_timeline(path: Path, year: Year, folder: Path) -> Path:
    """The form that Android phones export."""
    sections = table(folder / "sections.csv")
    segments = [
        _segment(year, day, section)
        for day, kind in diary(year, folder).items()
        for section in sections
        if section["day"] == kind
    ]
    path.write_text(json.dumps({"semanticSegments": segments}, ensure_ascii=False), encoding="utf-8")
    return path


def diary(year: Year, folder: Path) -> dict[date, str]:
    """What kind of day each was. What is rarer holds: a flight above a day of the month, that above a weekday."""
    days = {day: kind for day, _rule, kind in in_turn(year, table(folder / "diary.csv"), "day")}
    return {day: kind for day, kind in days.items() if kind == "fly" or not AWAY[0] <= f"{day:%m-%d}" <= AWAY[1]}


def _segment(year: Year, day: date, section: dict[str, str]) -> Json:
    activity: Json = {
        "distanceMeters": float(section["metres"]),
        "probability": 0.97,
        "topCandidate": {"type": section["mode"], "probability": 0.9},
    }
    if section["from"]:
        activity["start"], activity["end"] = _place(section["from"]), _place(section["to"])
    return {
        "startTime": year.at(day, time.fromisoformat(section["starts"])).isoformat(timespec="milliseconds"),
        "endTime": year.at(day, time.fromisoformat(section["ends"])).isoformat(timespec="milliseconds"),
        "activity": activity,
    }


def _place(text: str) -> Json:
    latitude, _, longitude = text.partition(",")
    return {"latLng": f"{latitude}°, {longitude}°"}


def write_phone_trace(path: Path, year: Year, folder: Path) -> Path:
    """The real trace of the day that the timeline calls `drive`, on a day on which it has one."""
    days = [day for day, kind in diary(year, folder).items() if kind == TOLD_TWICE]
    entries = json.loads((folder / "phone_2015-08-23.json").read_text(encoding="utf-8"))
    moved = days[len(days) // 4]
    shift = year.at(moved, time()) - datetime(2015, 8, 23, tzinfo=year.zone)
    wall = shift.days * 86_400 + _clock_seconds(year, moved)
    path.write_text(json.dumps([_moved(entry, wall) for entry in entries]), encoding="utf-8")
    return path


def _clock_seconds(year: Year, day: date) -> int:
    """How much later the same time of day is in UTC than it was in the summer of the trace."""
    noon = year.at(day, time(12)).utcoffset()
    summer = datetime(2015, 8, 23, 12, tzinfo=year.zone).utcoffset()
    assert noon is not None
    assert summer is not None
    return int((summer - noon).total_seconds())


def _moved(value: Any, seconds: int) -> Any:
    """All times in seconds since 1970 later by so much; times as text are left out."""
    if isinstance(value, dict):
        return {
            key: entry + seconds if key in ("ts", "write_ts") else _moved(entry, seconds)
            for key, entry in value.items()
            if key != "fmt_time"
        }
    return value


def write_drive(path: Path, year: Year, folder: Path) -> Path:
    """A real track, on the Saturday in the middle of the year."""
    text = (folder / "around-visnjan-with-car.gpx").read_text(encoding="utf-8")
    times = [datetime.fromisoformat(found) for found in _TIME.findall(text)]
    saturdays = [day for day in year.days_of("week Sat") if not AWAY[0] <= f"{day:%m-%d}" <= AWAY[1]]
    shift = year.at(saturdays[len(saturdays) // 2], DRIVE_AT).astimezone(UTC) - min(times)
    path.write_text(_TIME.sub(lambda found: _later(found[1], shift), text), encoding="utf-8")
    return path


def _later(written: str, shift: timedelta) -> str:
    return f"<time>{(datetime.fromisoformat(written) + shift).strftime('%Y-%m-%dT%H:%M:%SZ')}</time>"
