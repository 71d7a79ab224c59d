"""What a source says of a journey becomes a distance, a mode or a question; one movement counts once."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.footprint.checks import Verdict, judge
from domain.footprint.journey_draft import draft_of_journey
from domain.footprint.model import ActivitySource, ActivityStatus
from domain.footprint.records import TRANSIT_CARD, Journey, Position, TravelMode
from domain.footprint.travel import NoJourney, Trip, once, trip_of

START = datetime(2026, 5, 1, 8, tzinfo=UTC)
NOW = datetime(2026, 11, 22, tzinfo=UTC)
DEGREE_METRES = 111_195
FLIGHT = "transport.flight.international_non_uk.average.without_rf"


def journey(minute: int = 0, minutes: int = 60, metres: int | None = 30_000, **fields: Any) -> Journey:
    start = START + timedelta(minutes=minute)
    values: dict[str, Any] = {
        "source": "phone",
        "record": f"{minute} {minutes} {metres} {fields.get('mode', '')}",
        "start": start,
        "end": start + timedelta(minutes=minutes),
        "mode": TravelMode.CAR,
        "metres": None if metres is None else Decimal(metres),
    }
    return Journey(**(values | fields))


def degrees(metres: int) -> Decimal:
    return (Decimal(metres) / DEGREE_METRES).quantize(Decimal("0.000000001"))


def track(metres_a_second: int, minutes: int = 60, minute: int = 0) -> tuple[Position, ...]:
    """A point every ten seconds."""
    start = START + timedelta(minutes=minute)
    return tuple(
        Position(start + timedelta(seconds=second), degrees(second * metres_a_second), Decimal(7))
        for second in range(0, minutes * 60 + 1, 10)
    )


def judged(*journeys: Journey, region: str = "GB") -> Verdict:
    verdict = judge(journeys, NOW, region)
    assert verdict.read == verdict.accepted + verdict.duplicate + verdict.rejected == len(journeys)
    return verdict


def kilometres(verdict: Verdict) -> list[Decimal]:
    return [item.draft.quantity for item in verdict.captured]


# ---------------------------------------------------------------- distance


def test_the_source_s_own_distance_holds() -> None:
    trip = trip_of(journey(metres=31_000, track=track(8)[:: 360 // 10]))
    assert (trip.metres, trip.caveats) == (31_000, ())


def test_but_never_less_than_the_straight_line() -> None:
    ends = track(8)[::360]
    for stated in (0, 5_000):
        trip = trip_of(journey(metres=stated, track=ends))
        assert trip.metres == 28_800
        assert "less than the straight line" in trip.caveats[0]


def test_errors_of_the_track_are_told() -> None:
    points = list(track(8))
    points[5] = Position(points[5].at, Decimal(80), Decimal(7))
    trip = trip_of(journey(metres=None, track=tuple(points), mode=TravelMode.UNKNOWN))
    assert trip.metres == 28_800
    assert trip.caveats == ("1 of 361 points were errors and left out.",)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (journey(metres=0), "NO_DISTANCE"),
        (journey(metres=None, track=track(0)), "NO_DISTANCE"),
        (journey(minutes=0), "BAD_INTERVAL"),
        (journey(metres=1_300_000), "ABSURD_SPEED"),
        (journey(metres=None, track=track(5)[::-1]), "REVERSED_TIME"),
    ],
)
def test_no_journey(wrong: Journey, code: str) -> None:
    with pytest.raises(NoJourney) as error:
        trip_of(wrong)
    assert error.value.code == code
    if wrong.end >= wrong.start:
        assert [rejection.code for rejection in judged(wrong).rejections] == [code]


# ---------------------------------------------------------------- mode


@pytest.mark.parametrize(
    ("mode", "speed", "found"),
    [
        (TravelMode.UNKNOWN, 1, TravelMode.WALK),
        (TravelMode.UNKNOWN, 5, TravelMode.BICYCLE),
        (TravelMode.UNKNOWN, 14, TravelMode.MOTORISED),
        (TravelMode.UNKNOWN, 200, TravelMode.PLANE),
        (TravelMode.MOTORISED, 200, TravelMode.PLANE),
        (TravelMode.MOTORISED, 2, TravelMode.MOTORISED),
        (TravelMode.TRAIN, 2, TravelMode.TRAIN),
        (TravelMode.CAR, 200, TravelMode.CAR),
        (TravelMode.WALK, 3, TravelMode.WALK),
    ],
)
def test_the_source_s_word_then_the_speed(mode: TravelMode, speed: int, found: TravelMode) -> None:
    trip = trip_of(journey(metres=None, mode=mode, track=track(speed)))
    assert (trip.mode, trip.doubt) == (found, "")


@pytest.mark.parametrize(
    ("mode", "metres", "found"),
    [
        (TravelMode.WALK, 30_000, TravelMode.MOTORISED),
        (TravelMode.BICYCLE, 80_000, TravelMode.MOTORISED),
        (TravelMode.PLANE, 30_000, TravelMode.UNKNOWN),
    ],
)
def test_a_word_that_the_speed_contradicts_is_asked(mode: TravelMode, metres: int, found: TravelMode) -> None:
    trip = trip_of(journey(metres=metres, mode=mode))
    assert trip.mode is found
    assert "km/h" in trip.doubt


def test_a_mean_speed_alone_tells_only_a_plane() -> None:
    assert trip_of(journey(metres=700_000, mode=TravelMode.UNKNOWN)).mode is TravelMode.PLANE
    assert trip_of(journey(metres=4_000, mode=TravelMode.UNKNOWN)).mode is TravelMode.UNKNOWN


def test_what_the_phone_doubts_is_asked() -> None:
    draft = draft_of_journey(journey(mode=TravelMode.TRAIN, likelihood=Decimal("0.4")), "GB")
    assert draft.status is ActivityStatus.QUARANTINED
    assert draft.choices[:2] == ("transport.rail.national", "transport.car.petrol.average")
    assert len(set(draft.choices)) == len(draft.choices)
    assert draft_of_journey(journey(mode=TravelMode.TRAIN, likelihood=Decimal("0.5")), "GB").choices == ()


# ---------------------------------------------------------------- factor


@pytest.mark.parametrize(
    ("mode", "region", "metres", "activity", "unit", "where"),
    [
        (TravelMode.CAR, "GB", 9_000, "transport.car.unknown.average", "km", None),
        (TravelMode.CAR, "GB-SCT", 9_000, "transport.car.unknown.average", "km", None),
        (TravelMode.CAR, "US-CA", 9_000, "transport.car.passenger_car", "km", None),
        (TravelMode.CAR, "DE", 9_000, "transport.car.unknown.average", "km", "GB"),
        (TravelMode.BUS, "FR", 9_000, "transport.bus.local_average", "passenger_km", "GB"),
        (TravelMode.FERRY, "US", 9_000, "transport.ferry.foot_passenger", "passenger_km", "GB"),
        (TravelMode.METRO, "US", 9_000, "transport.rail.transit", "passenger_km", None),
        (TravelMode.PLANE, "GB", 3_700_000, "transport.flight.short_haul.average.without_rf", "passenger_km", None),
        (TravelMode.PLANE, "GB", 3_700_001, "transport.flight.long_haul.average.without_rf", "passenger_km", None),
        (TravelMode.PLANE, "US", 482_802, "transport.flight.short_haul_under_300mi", "passenger_km", None),
        (TravelMode.PLANE, "US", 482_803, "transport.flight.medium_haul_300_to_2300mi", "passenger_km", None),
        (TravelMode.PLANE, "US", 3_701_491, "transport.flight.long_haul_over_2300mi", "passenger_km", None),
        (TravelMode.PLANE, "JP", 900_000, FLIGHT, "passenger_km", "GLOBAL"),
    ],
)  # fmt: skip
def test_factors(mode: TravelMode, region: str, metres: int, activity: str, unit: str, where: str | None) -> None:
    draft = draft_of_journey(journey(minutes=200 if metres < 10**6 else 600, metres=metres, mode=mode), region)
    assert (draft.activity, draft.unit, draft.region) == (activity, unit, where)
    assert draft.quantity == Decimal(metres) / 1000
    assert draft.status is ActivityStatus.COUNTED
    assert ("No factor of travel" in "".join(draft.caveats)) == (where == "GB")


@pytest.mark.parametrize(
    ("mode", "shared_by", "divided"),
    [(TravelMode.CAR, 3, 3), (TravelMode.TAXI, 2, 2), (TravelMode.BUS, 3, 1), (TravelMode.TRAIN, 2, 1)],
)
def test_only_a_vehicle_is_shared(mode: TravelMode, shared_by: int, divided: int) -> None:
    assert draft_of_journey(journey(mode=mode, shared_by=shared_by), "GB").shared_by == divided


@pytest.mark.parametrize("region", ["GB", "US", "DE"])
def test_what_nobody_can_tell_is_asked(region: str) -> None:
    for mode in (TravelMode.MOTORISED, TravelMode.UNKNOWN):
        draft = draft_of_journey(journey(mode=mode), region)
        assert draft.status is ActivityStatus.QUARANTINED
        assert draft.activity == draft.choices[0]
        assert any(".car." in choice for choice in draft.choices)
        assert any(".bus." in choice for choice in draft.choices)
        assert any(".rail." in choice for choice in draft.choices)
        assert not any(".flight." in choice for choice in draft.choices)
        assert draft.reason == "Was this a car, a bus or a train? Discard it if you walked or cycled."
    far = draft_of_journey(journey(minutes=180, metres=454_000, mode=TravelMode.MOTORISED), region)
    assert ".flight." in far.choices[-1]


def test_walking_and_cycling_emit_nothing() -> None:
    draft = draft_of_journey(journey(metres=3_000, mode=TravelMode.WALK), "GB")
    assert (draft.activity, draft.quantity, draft.reason) == (None, 0, "Walking and cycling emit nothing.")


def test_a_tap_is_transit() -> None:
    assert draft_of_journey(journey(source=TRANSIT_CARD, mode=TravelMode.BUS), "GB").source is ActivitySource.TRANSIT


# ---------------------------------------------------------------- once


def test_two_apps_of_one_ride_count_once_and_the_longer_holds() -> None:
    rides = [
        journey(0, 30, 9_075, source="fit", mode=TravelMode.BICYCLE),
        journey(0, 31, 9_120, source="watch", mode=TravelMode.BICYCLE),
    ]
    verdict = judged(*rides)
    assert [item.source for item in verdict.captured] == ["watch"]
    assert [rejection.code for rejection in verdict.rejections] == ["OVERLAP"]


def test_a_tap_holds_above_the_phone() -> None:
    phone = journey(-2, 70, 32_000, likelihood=Decimal("0.9"))
    by_speed = journey(-5, 80, None, mode=TravelMode.UNKNOWN, track=track(8, 80, -5))
    tap = journey(0, 60, 31_000, source=TRANSIT_CARD, mode=TravelMode.BUS)
    for order in ([phone, by_speed, tap], [tap, phone, by_speed], [by_speed, tap, phone]):
        verdict = judged(*order)
        assert [item.draft.activity for item in verdict.captured] == ["transport.bus.local_average"]


def test_neighbours_whose_clocks_differ_both_count() -> None:
    assert kilometres(judged(journey(0, 60, 30_000), journey(55, 60, 40_000))) == [30, 40]


def test_pieces_of_a_counted_journey_do_not_count() -> None:
    pieces = [journey(0, 20, 11_000), journey(20, 40, 19_500)]
    assert kilometres(judged(journey(0, 60, 30_000), *pieces)) == [30]


def test_two_places_at_once_are_asked_about() -> None:
    verdict = judged(journey(0, 60, 30_000, source="EV one"), journey(0, 58, 2_000, source="EV two"))
    assert [item.draft.status for item in verdict.captured] == [ActivityStatus.COUNTED, ActivityStatus.QUARANTINED]
    assert "nobody makes two at once" in verdict.captured[1].draft.reason
    partly = judged(journey(0, 60, 30_000), journey(40, 60, 30_000))
    assert [item.draft.status for item in partly.captured] == [ActivityStatus.COUNTED, ActivityStatus.QUARANTINED]


def test_a_day_s_track_counts_for_the_time_between() -> None:
    """Two hours at 10 m/s, of which the phone knows the first half hour as a bus."""
    bus = journey(0, 30, 18_500, mode=TravelMode.BUS, likelihood=Decimal("0.9"))
    day = journey(0, 120, None, mode=TravelMode.UNKNOWN, track=track(10, 120))
    [rest, counted] = judged(day, bus).captured
    assert (counted.draft.quantity, rest.draft.quantity) == (Decimal("18.5"), 54)
    assert "18,000 m of the track" in rest.draft.caveats[0]


def test_a_walk_within_a_bus_ride_asks_nothing() -> None:
    walk = journey(20, 10, 500, mode=TravelMode.WALK, likelihood=Decimal("0.8"))
    verdict = judged(walk, journey(0, 60, 30_000, mode=TravelMode.BUS, likelihood=Decimal("0.8")))
    assert [item.draft.activity for item in verdict.captured] == ["transport.bus.local_average"]


def test_a_thousand_copies_in_any_order() -> None:
    trips = [trip_of(journey(10 * (number % 100), 10, 5_000, record=str(number))) for number in range(1_000)]
    result = once(trips)
    assert sorted(result.lost) == list(range(100, 1_000))
    assert result.changed == {}


def rank(trip: Trip) -> tuple[int, int, int]:
    """The sure ones first, of equals the longer in time, then the earlier."""
    return -trip.certainty, trip.start - trip.end, trip.start


def test_no_minute_counts_twice(seed: int) -> None:
    """Random days: beyond a tenth of each, nothing that counts without a question shares its time with the others."""
    dice = random.Random(seed)
    for _day in range(60):
        trips = []
        for number in range(dice.randrange(2, 25)):
            minute, minutes = dice.randrange(600), dice.choice((3, 10, 20, 45, 120, 400))
            known = {"likelihood": dice.choice((None, Decimal("0.9")))}
            if dice.random() < 0.3:
                known = {"mode": TravelMode.UNKNOWN, "track": track(dice.choice((1, 5, 12)), minutes, minute)}
            distance = None if "track" in known else dice.randrange(50, 1_500 * minutes)
            trips.append(trip_of(journey(minute, minutes, distance, record=str(number), **known)))
        result = once(trips)
        assert not set(result.lost) & set(result.changed)
        taken: set[int] = set()
        certain = [index for index in range(len(trips)) if index not in result.lost and index not in result.changed]
        for index in sorted(certain, key=lambda index: rank(trips[index])):
            minutes_of = set(range(trips[index].start // 60_000, trips[index].end // 60_000))
            assert len(taken & minutes_of) * 10 < len(minutes_of)
            taken |= minutes_of
        for index, trip in result.changed.items():
            assert trip.doubt or trip.metres < trips[index].metres
