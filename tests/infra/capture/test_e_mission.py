"""Phone traces of real days: sections, modes and lengths beside those that the e-mission project found itself.

Its own pipeline smooths otherwise and walks differ most, up to a kilometre a day, which burn nothing. What is asserted
is our figure to the metre, and how near it is to theirs.
"""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.footprint.records import Journey, TravelMode
from domain.footprint.tracks import clean_track, mode_of
from infra.capture.reader import Unreadable
from tests.infra.capture.files import DATA, expected
from tests.infra.capture.travel import read, within

EMISSION = expected("emission")
THEIRS = {
    "IN_VEHICLE": TravelMode.MOTORISED,
    "ON_FOOT": TravelMode.WALK,
    "WALKING": TravelMode.WALK,
    "BICYCLING": TravelMode.BICYCLE,
    "UNKNOWN": TravelMode.UNKNOWN,
}
OURS = {
    "2015-08-23_car_walk.json": {"MOTORISED": 24126, "WALK": 394},
    "2016-06-20_labelled.json": {"MOTORISED": 8747, "WALK": 4473, "UNKNOWN": 31},
    "2016-07-25_bike.json": {"BICYCLE": 1903},
    "2016-08-10_walk_bike.json": {"BICYCLE": 8565, "WALK": 2024},
    "2016-09-03_car_walk.json": {"MOTORISED": 10687, "WALK": 1600, "UNKNOWN": 88},
    "2023-04-13_labelled.json": {"MOTORISED": 9196, "WALK": 1110},
    "iphone_2016-02-22.json": {"MOTORISED": 12844, "WALK": 1571, "UNKNOWN": 50},
    "verbatim_2016-07-25.json": {"BICYCLE": 1903},
}


def metres_by_mode(journeys: Sequence[Journey]) -> dict[TravelMode, int]:
    sums: Counter[TravelMode] = Counter()
    for journey in journeys:
        track = clean_track(journey.track)
        mode = mode_of(track) if journey.mode is TravelMode.UNKNOWN else journey.mode
        sums[mode] += track.millimetres
    return {mode: round(Decimal(total) / 1000) for mode, total in sums.items() if total > 1000}


@pytest.mark.parametrize("name", EMISSION)
def test_lengths_by_mode(name: str) -> None:
    journeys, rejections = read(DATA / "emission" / name)
    assert rejections == []
    found = metres_by_mode(journeys)
    assert found == {TravelMode[mode]: metres for mode, metres in OURS[name].items()}
    for mode, km in EMISSION[name].get("km_by_mode_pipeline", {}).items():
        if THEIRS[mode] is TravelMode.MOTORISED:
            assert within(Decimal(found[TravelMode.MOTORISED]) / 1000, km, Decimal(8))
        elif THEIRS[mode] is TravelMode.BICYCLE and not name.startswith("iphone"):
            assert within(Decimal(found[TravelMode.BICYCLE]) / 1000, km, Decimal(5))
        elif THEIRS[mode] is TravelMode.WALK:
            assert abs(Decimal(found[TravelMode.WALK]) / 1000 - km) < Decimal("1.1")


def test_what_passengers_said_they_rode() -> None:
    """The two rides that the person called 4.40 km and 4.82 km, as raw sums."""
    journeys, _rejections = read(DATA / "emission/2023-04-13_labelled.json")
    rides = [clean_track(journey.track) for journey in journeys if journey.mode is TravelMode.MOTORISED]
    assert [round(Decimal(ride.millimetres) / 10**6, 1) for ride in rides] == [Decimal("4.3"), Decimal("4.9")]


def test_points_out_of_order_and_twice(tmp_path: Path) -> None:
    entries = json.loads((DATA / "emission/2016-07-25_bike.json").read_text())
    file = tmp_path / "day.json"
    file.write_text(json.dumps([*reversed(entries), *entries]))
    journeys, _rejections = read(file)
    assert metres_by_mode(journeys) == {TravelMode.BICYCLE: 1903}


def labelled(folder: Path, *answers: tuple[str, str, str, int]) -> list[Journey]:
    entries: list[Any] = json.loads((DATA / "emission/2016-06-20_labelled.json").read_text())
    for start, end, label, written in answers:
        data = {"start_ts": seconds(start), "end_ts": seconds(end), "label": label}
        entries.append({"metadata": {"key": "manual/mode_confirm", "write_ts": written}, "data": data})
    file = folder / "day.json"
    file.write_text(json.dumps(entries))
    return read(file)[0]


def seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


RIDE = ("2016-06-20T15:49:30-07:00", "2016-06-20T16:03:55-07:00")


def test_the_person_s_word_holds_and_the_last_one(tmp_path: Path) -> None:
    journeys = labelled(tmp_path, (*RIDE, "bus", 3), (*RIDE, "Shared_Ride", 9), (*RIDE, "walk", 5))
    ride = [journey for journey in journeys if journey.mode is TravelMode.CAR]
    assert {(journey.shared_by, journey.likelihood) for journey in ride} == {(2, None)}
    assert metres_by_mode(ride) == {TravelMode.CAR: 4659}
    assert metres_by_mode(journeys)[TravelMode.MOTORISED] == 4401


def test_an_answer_that_means_nothing_here(tmp_path: Path) -> None:
    journeys = labelled(tmp_path, (*RIDE, "teleported", 1), (*reversed(RIDE), "bus", 1))  # type: ignore[arg-type]
    assert {journey.mode for journey in journeys} == {TravelMode.WALK, TravelMode.MOTORISED, TravelMode.UNKNOWN}


def test_far_away_after_silence_is_not_counted(tmp_path: Path) -> None:
    def point(ts: int, latitude: float) -> dict[str, Any]:
        data = {"ts": ts, "latitude": latitude, "longitude": 5, "accuracy": 5}
        return {"metadata": {"key": "background/location"}, "data": data}

    home = [point(1_700_000_000 + index * 30, 52 + index * 0.001) for index in range(10)]
    away = [point(1_700_009_000 + index * 30, 53 + index * 0.001) for index in range(10)]
    nonsense = [point(-5, 52), point(1_700_000_000, 99), {"metadata": {"key": "background/location"}, "data": []}]
    file = tmp_path / "day.json"
    file.write_text(json.dumps([*home, *away, *nonsense, 7, {}, None]))
    journeys, notes = read(file)
    assert [round(Decimal(clean_track(journey.track).millimetres) / 1000) for journey in journeys] == [1001, 1001]
    assert [note.code for note in notes] == ["GAP", "BAD_POINTS"]
    assert "110 km" in notes[0].reason
    assert notes[1].reason.startswith("3 points")


def test_no_positions(tmp_path: Path) -> None:
    file = tmp_path / "day.json"
    file.write_text('[{"metadata": {"key": "statemachine/transition"}, "data": {}}]')
    with pytest.raises(Unreadable) as refusal:
        read(file)
    assert refusal.value.code == "NO_POSITIONS"
