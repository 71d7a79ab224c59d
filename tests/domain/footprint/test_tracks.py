"""Points become a length and a mode; what a receiver got wrong does not count."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from domain.footprint.geometry import millimetres_between
from domain.footprint.records import Position, TravelMode
from domain.footprint.tracks import CleanTrack, clean_track, milliseconds, mode_of

START = datetime(2026, 5, 1, 8, tzinfo=UTC)
DEGREE_METRES = 111_195


def at(seconds: int, metres: int, accuracy: int | None = None) -> Position:
    """So many metres north of a place on the equator."""
    return Position(
        START + timedelta(seconds=seconds),
        Decimal(metres) / DEGREE_METRES,
        Decimal(7),
        None if accuracy is None else Decimal(accuracy),
    )


def moving(metres_a_second: int, count: int = 20, every: int = 10) -> list[Position]:
    return [at(index * every, index * every * metres_a_second) for index in range(count)]


def metres(track: Sequence[Position]) -> int:
    return round(Decimal(clean_track(track).millimetres) / 1000)


def test_a_quarter_of_the_earth() -> None:
    pole, equator = Position(None, Decimal(90), Decimal(0)), Position(None, Decimal(0), Decimal(77))
    assert millimetres_between(pole, equator) == 10_007_557_221
    assert millimetres_between(equator, equator) == 0


def test_the_date_line_is_no_way_round_the_world() -> None:
    west, east = Position(None, Decimal(0), Decimal("179.999")), Position(None, Decimal(0), Decimal("-179.999"))
    assert millimetres_between(west, east) == 222_390


@pytest.mark.parametrize(
    ("metres_a_second", "mode"),
    [(1, TravelMode.WALK), (2, TravelMode.WALK), (5, TravelMode.BICYCLE), (14, TravelMode.MOTORISED),
     (80, TravelMode.MOTORISED), (230, TravelMode.PLANE)],
)  # fmt: skip
def test_the_mode_by_speed(metres_a_second: int, mode: TravelMode) -> None:
    assert mode_of(clean_track(moving(metres_a_second))) is mode


def test_few_or_sparse_points_tell_nothing_of_slow_modes() -> None:
    assert mode_of(clean_track(moving(1, count=4))) is TravelMode.UNKNOWN
    assert mode_of(clean_track(moving(1, every=600))) is TravelMode.UNKNOWN
    assert mode_of(clean_track(moving(14, count=2))) is TravelMode.MOTORISED
    assert mode_of(CleanTrack()) is TravelMode.UNKNOWN


def test_a_jump_is_left_out_and_a_wrong_start_too() -> None:
    walk = moving(1)
    assert metres([*walk[:5], at(45, 900_000), *walk[5:]]) == 190
    assert metres([at(-1, 900_000), *walk]) == 190


def test_points_that_go_back_in_time_are_counted() -> None:
    walk = moving(1)
    track = clean_track([*walk, at(5, 5), at(200, 200)])
    assert (track.reversed, track.dropped, track.millimetres // 1000) == (1, 1, 200)


def test_standing_still_with_a_poor_receiver_is_no_movement() -> None:
    still = [at(index * 30, (index % 2) * 20, accuracy=25) for index in range(40)]
    assert metres(still) == 0
    assert metres([Position(point.at, point.latitude, point.longitude) for point in still]) == 780


def test_a_spike_is_left_out_where_the_receiver_tells_its_accuracy() -> None:
    walk = [at(index * 30, index * 40, accuracy=10) for index in range(10)]
    spiked = [*walk[:5], at(125, 900, accuracy=30), *walk[5:]]
    assert metres(walk) == metres(spiked) == 360


def test_poor_points_are_left_out_beside_good_ones_only() -> None:
    walk = [at(index * 60, index * 100, accuracy=10) for index in range(10)]
    track = clean_track([*walk[:5], at(270, 450, accuracy=400), *walk[5:]])
    assert (track.dropped, len(track.times)) == (1, 10)
    poor = [at(index * 60, index * 100, accuracy=400) for index in range(10)]
    assert metres(poor) == 900
    assert metres([at(-600, -900, accuracy=400), *walk]) == 1800


def test_how_far_it_was_by_then() -> None:
    track = clean_track(moving(10))
    start = milliseconds(START)
    assert [track.millimetres_at(start + seconds * 1000) // 1000 for seconds in (-5, 0, 15, 190, 500)] == [
        0, 0, 150, 1900, 1900
    ]  # fmt: skip
