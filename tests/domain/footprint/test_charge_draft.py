"""What a charging session becomes: counted, asked about, or not counted and why."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from domain.footprint.answers import NOT_COUNTED, StandingAnswer, answered
from domain.footprint.charge_draft import draft_of_charge
from domain.footprint.drafting import draft_of
from domain.footprint.factor_choice import MAINS
from domain.footprint.model import ActivityStatus
from domain.footprint.records import Charge, Journey, TravelMode

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
CHARGE = Charge("OCPI NL*TST", "1", START, START + timedelta(hours=1), Decimal(21), region="NL", socket="NL*TST*E1*1")


def test_on_the_way_it_counts_at_the_mains_of_that_country() -> None:
    draft = draft_of_charge(replace(CHARGE, at_home=False), "GB")
    assert (draft.activity, draft.quantity, draft.unit, draft.region) == (MAINS, 21, "kWh", "NL")
    assert draft.status is ActivityStatus.COUNTED


def test_in_the_persons_own_country_it_counts_at_their_own_region() -> None:
    charge = replace(CHARGE, at_home=False, region="US")
    assert draft_of_charge(charge, "US-CA").region is None
    assert draft_of_charge(charge, "GB").region == "US"


def test_at_home_the_meter_has_it() -> None:
    draft = draft_of_charge(replace(CHARGE, at_home=True), "GB")
    assert (draft.activity, draft.quantity) == (None, 0)
    assert draft.reason == "The meter of the house has this energy already."


def test_where_nobody_tells_it_is_asked_once_for_the_socket() -> None:
    draft = draft_of_charge(CHARGE, "GB")
    assert (draft.status, draft.topic) == (ActivityStatus.QUARANTINED, "socket NL*TST*E1*1")
    assert answered(draft, StandingAnswer(NOT_COUNTED)).activity is None
    assert answered(draft, StandingAnswer(MAINS)).status is ActivityStatus.COUNTED


def test_without_a_socket_an_answer_is_for_this_session_alone() -> None:
    draft = draft_of_charge(replace(CHARGE, socket=""), "GB")
    assert answered(draft, StandingAnswer(NOT_COUNTED)) == draft


def test_a_credit_is_no_charge() -> None:
    assert draft_of_charge(replace(CHARGE, cancels="0"), "GB").activity is None


def test_the_energy_of_a_trip_may_be_counted_at_the_socket() -> None:
    trip = Journey(
        "EV Zoe", "1", START, START + timedelta(hours=1), TravelMode.CAR, Decimal(20_000), kwh=Decimal("3.1")
    )
    draft = draft_of(trip, "GB")
    assert (draft.activity, draft.quantity, draft.unit) == (MAINS, Decimal("3.1"), "kWh")
    assert (draft.status, draft.topic) == (ActivityStatus.QUARANTINED, "car EV Zoe")
