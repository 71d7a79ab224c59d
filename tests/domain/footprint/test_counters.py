"""One law for all counters: the sum of rises."""

import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from domain.footprint.counters import DeviceCounter, rise, was_passed

START = datetime(2026, 5, 1, tzinfo=UTC)
MAX_KW = 100
MESSAGES = Path(__file__).parents[2] / "data" / "mqtt" / "constructed_counter_reset.jsonl"


def counted(*told: tuple[float, str]) -> Decimal:
    """What (hour, kWh) messages come to."""
    counter: DeviceCounter | None = None
    total = Decimal(0)
    for hour, kwh in told:
        at = START + timedelta(hours=hour)
        if counter is None:
            counter = DeviceCounter(at, Decimal(kwh))
            continue
        counter, found = counter.told(at, Decimal(kwh), MAX_KW)
        if found is not None:
            assert found.start < found.end
            total += found.kwh
    return total


@pytest.mark.parametrize(
    ("before", "after", "modulus", "expected"),
    [
        ("1", "3.5", "1000000", "2.5"),
        ("3", "3", "1000000", "0"),
        ("999999.250", "0.750", "1000000", "1.5"),
        ("999999.250", "0.750", None, None),
        ("500000", "1", "1000000", None),
        ("12", "0", "1000000", None),
        ("99999.9", "0.1", "100000", "0.2"),
    ],
)
def test_a_rise(before: str, after: str, modulus: str | None, expected: str | None) -> None:
    limit = Decimal(modulus) if modulus else None
    found = rise(Decimal(before), Decimal(after), limit)
    assert found == (Decimal(expected) if expected else None)


@pytest.mark.parametrize(
    ("shown", "value", "expected"),
    [
        ("", "1", False),
        ("10", "10", False),
        ("10 14", "14", False),
        ("10 14", "15", False),
        ("10 14", "10", True),
        ("10 14", "12", True),
        ("10 14", "9", False),
        ("500 510 2 4", "3", True),
        ("500 510 2 4", "5", False),
        ("500 510 2 4", "1", False),
        ("500 510 2 4", "510", True),
        ("999990 999999 5", "999990", True),
    ],
)
def test_a_look_without_a_time_is_from_before_where_the_register_was_past_it(
    shown: str, value: str, expected: bool
) -> None:
    assert was_passed([Decimal(text) for text in shown.split()], Decimal(value)) is expected


def test_the_sample_with_a_reset_a_repeat_and_a_late_message() -> None:
    messages = [json.loads(line) for line in MESSAGES.read_text().splitlines()]
    hours = [(datetime.fromisoformat(item["at"]) - START) / timedelta(hours=1) for item in messages]
    values = [str(json.loads(item["payload"])["energy"]) for item in messages]
    assert counted(*zip(hours, values, strict=True)) == Decimal("1.15")


def test_the_first_message_counts_nothing() -> None:
    assert counted((0, "500")) == 0


def test_a_fall_restarts_at_nothing() -> None:
    assert counted((0, "5"), (1, "7"), (2, "0.5"), (3, "1")) == Decimal("3")


def test_late_and_repeated_messages_change_nothing() -> None:
    told = [(0, "1"), (1, "2"), (2, "4"), (3, "4.5")]
    dice = random.Random(7)
    for _ in range(50):
        again = list(told)
        for _repeat in range(5):
            at = dice.randrange(len(again))
            earlier = [item for item in again[: at + 1] if item[0] <= again[at][0]]
            again.insert(at + 1, dice.choice(earlier))
        assert counted(*again) == Decimal("3.5")


def test_an_impossible_rise_is_refused() -> None:
    assert counted((0, "1"), (1, "100000"), (2, "2")) == 1


def test_a_glitch_to_zero_and_back_counts_nothing() -> None:
    assert counted((0, "1290"), (1, "0"), (2, "1290.5"), (3, "1291")) == Decimal("0.5")


def test_a_counter_that_jumped_for_good_goes_on_from_there() -> None:
    assert counted((0, "1"), (1, "100000"), (2, "100001"), (3, "100003")) == 3


def test_a_step_right_after_another_is_no_impossible_rise() -> None:
    assert counted((0, "1"), (1 / 3600, "1.1")) == Decimal("0.1")


def test_messages_within_a_second_are_held_until_the_next() -> None:
    assert counted((0, "1"), (0.5 / 3600, "1.1"), (1, "1.2")) == Decimal("0.2")
