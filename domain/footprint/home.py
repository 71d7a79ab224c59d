"""Households: who is in them, which meters they share, and who has a part of a meter's day."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID


@dataclass(frozen=True, slots=True)
class HouseholdMember:
    """A member from `joined_on` until the day before `left_on`."""

    owner: int
    joined_on: date
    left_on: date | None = None

    def is_in(self, day: date) -> bool:
        return self.joined_on <= day and (self.left_on is None or day < self.left_on)


@dataclass(frozen=True, slots=True)
class HouseholdMeter:
    owner: int
    meter: str
    from_date: date


@dataclass(frozen=True, slots=True)
class Household:
    """`members` are those of now, by the day on which they joined."""

    id: UUID
    name: str
    invite_code: str
    members: tuple[HouseholdMember, ...] = ()
    meters: tuple[HouseholdMeter, ...] = ()


@dataclass(frozen=True, slots=True)
class Home:
    """Where one meter was: from which day on in which household, None for its owner's alone, and who was there."""

    owner: int
    stays: tuple[tuple[date, UUID | None], ...] = ()
    members: tuple[tuple[UUID, HouseholdMember], ...] = ()

    def members_on(self, day: date) -> list[int]:
        """Who shares the meter on this day, in an order that is always the same."""
        starts = [(from_date, household) for from_date, household in self.stays if from_date <= day]
        household = max(starts, key=lambda stay: stay[0])[1] if starts else None
        there = {member.owner for of, member in self.members if of == household and member.is_in(day)}
        return sorted(there) or [self.owner]
