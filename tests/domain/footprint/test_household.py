"""Who shares a meter on which day, and shares that are the whole."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from domain.footprint.home import Home, HouseholdMember
from domain.footprint.household import shares_of
from tests.domain.footprint.test_plausibility import activity

NOW = datetime(2026, 11, 1, tzinfo=UTC)
HOUSE, OTHER = UUID(int=1), UUID(int=2)


def day(number: int) -> date:
    return date(2026, 10, number)


HOME = Home(
    7,
    ((day(5), HOUSE), (day(20), None), (day(25), OTHER)),
    (
        (HOUSE, HouseholdMember(7, day(1))),
        (HOUSE, HouseholdMember(3, day(1), day(12))),
        (HOUSE, HouseholdMember(9, day(10))),
        (HOUSE, HouseholdMember(3, day(15))),
        (OTHER, HouseholdMember(8, day(26))),
    ),
)


@pytest.mark.parametrize(
    ("number", "members"),
    [
        (4, [7]),
        (5, [3, 7]),
        (9, [3, 7]),
        (10, [3, 7, 9]),
        (11, [3, 7, 9]),
        (12, [7, 9]),
        (15, [3, 7, 9]),
        (20, [7]),
        (25, [7]),
        (26, [8]),
    ],
)
def test_who_shares_the_meter(number: int, members: list[int]) -> None:
    assert HOME.members_on(day(number)) == members


def test_the_meter_of_nobody_else_is_its_owners() -> None:
    alone = activity("energy.electricity.grid", "10", "kWh")
    assert Home(1).members_on(day(1)) == [1]
    assert shares_of(alone, [1], NOW) == [alone]


@pytest.mark.parametrize("grams", [0, 1, 2, 3, 10_001, 10**11])
@pytest.mark.parametrize("members", [[5], [1, 5], [1, 2, 3], list(range(1, 21))])
def test_the_shares_are_the_whole(grams: int, members: list[int]) -> None:
    whole = replace(activity("energy.electricity.grid", "10", "kWh"), emissions=grams)
    shares = shares_of(whole, members, NOW)
    assert [share.owner for share in shares] == members
    assert sum(share.emissions for share in shares) == grams
    assert max(share.emissions for share in shares) - min(share.emissions for share in shares) <= 1
    assert {share.shared_by for share in shares} == {len(members)}
    assert len({share.id for share in shares}) == len(members)
    assert shares[0].explanation.formula.endswith(f"; {grams} g / {len(members)} = {shares[0].emissions} g")


def test_the_gram_that_is_left_goes_round() -> None:
    whole = replace(activity("energy.electricity.grid", "10", "kWh"), emissions=10_001)
    more: Counter[int] = Counter()
    for number in range(30):
        for share in shares_of(replace(whole, local_date=day(1) + timedelta(days=number)), [1, 2, 3], NOW):
            more[share.owner] += share.emissions - 3_333
    assert more == {1: 20, 2: 20, 3: 20}
