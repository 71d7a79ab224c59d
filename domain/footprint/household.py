"""Meters that a household shares: each of its members has a share of every day, and the shares are the whole.

Who joins or leaves changes the days from then on and none before. A meter is of a household from a day on; before that,
and on days on which the household has no member, it is its owner's alone.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.errors import InvalidInput, NotFound
from domain.footprint.home import Household
from domain.footprint.model import Activity
from domain.ids import new_id
from domain.ports import HouseholdStore
from domain.text import checked_text, is_code, is_storable

MEMBERS_MAX = 20
METERS_MAX = 20
NAME_LENGTH_MAX = 100
ASSIGNED_MAX_DAYS = 3_660


def shares_of(activity: Activity, members: Sequence[int], now: datetime) -> list[Activity]:
    """The activity of each member; their grams are the whole: the first ones have a gram more where it does not part.

    Who is first moves on by one each day.
    """
    count = len(members)
    if count == 1 and members[0] == activity.owner:
        return [activity]
    whole, rest = divmod(activity.emissions, count)
    turn = activity.local_date.toordinal()
    return [
        _share(activity, member, count, whole + ((place + turn) % count < rest), now)
        for place, member in enumerate(members)
    ]


def share_of(activity: Activity, member: int, members: Sequence[int], now: datetime) -> Activity:
    """This member's of the shares."""
    return next(share for share in shares_of(activity, members, now) if share.owner == member)


def _share(activity: Activity, member: int, count: int, grams: int, now: datetime) -> Activity:
    key = new_id(now)
    told = activity.explanation
    return replace(
        activity,
        id=key,
        client_id=key,
        owner=member,
        shared_by=count,
        emissions=grams,
        explanation=replace(
            told,
            formula=f"{told.formula}; {activity.emissions} g / {count} = {grams} g",
            emissions_low=None if told.emissions_low is None else min(grams, told.emissions_low // count),
            emissions_high=None if told.emissions_high is None else max(grams, told.emissions_high // count),
        ),
    )


async def create_household(
    households: HouseholdStore, *, owner: int, name: str, time_zone: str, now: datetime
) -> Household:
    """Raises InvalidInput for the name, or where the person is in a household already."""
    name = checked_text(name, "name", most=NAME_LENGTH_MAX)
    return await households.create(owner, name, _today(time_zone, now), now)


async def join_household(
    households: HouseholdStore, *, owner: int, code: str, time_zone: str, now: datetime
) -> Household:
    """Raises NotFound for the code, InvalidInput where the person is in a household or this one is full."""
    if not is_code(code):
        raise NotFound("No household has this code. Ask for it again.")
    return await households.join(owner, code.strip().upper(), _today(time_zone, now), now)


async def leave_household(households: HouseholdStore, *, owner: int, time_zone: str, now: datetime) -> Household:
    """The household as it is without this person, whose meters go with them. Raises NotFound."""
    return await households.leave(owner, _today(time_zone, now), now)


async def assign_meter(
    households: HouseholdStore, *, owner: int, meter: str, from_date: date, region: str, time_zone: str, now: datetime
) -> Household:
    """Raises NotFound for a meter or household that is not the person's, InvalidInput for the day."""
    today = _today(time_zone, now)
    if not today - timedelta(days=ASSIGNED_MAX_DAYS) <= from_date <= today:
        raise InvalidInput(f"A meter is shared from today or a day of the last {ASSIGNED_MAX_DAYS}.", field="from")
    if not is_storable(meter):
        raise NotFound("You have no readings of such a meter.")
    return await households.assign(owner, meter, from_date, region=region, time_zone=time_zone, now=now)


def _today(time_zone: str, now: datetime) -> date:
    return now.astimezone(ZoneInfo(time_zone)).date()
