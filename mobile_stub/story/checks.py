"""What must agree at the end of a story, computed by the phone from what it was shown."""

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

from mobile_stub.storage import Json
from mobile_stub.story.model import Check, Story


def check(story: Story, before: Json) -> None:
    """Fills `story.checks`. `before` is the footprint before everything was sent a second time."""
    _check_files(story, before)
    _check_sums(story)
    _check_arithmetic(story)
    _check_outlook(story)


def _add(story: Story, name: str, figure: str, ok: bool) -> None:
    story.checks.append(Check(name, figure, ok))


def _check_files(story: Story, before: Json) -> None:
    failed = [sent.name for sent in story.files if sent.first["status"] != "FINISHED" or not sent.first["recordsRead"]]
    _add(story, "every file was read", ", ".join(failed) or f"{len(story.files)} files", not failed)
    for activity, fed in story.fed.items():
        found = sum(
            (
                Decimal(one["quantity"])
                for one in story.counted
                if one["activity"] == activity and one["source"] == "METER"
            ),
            Decimal(0),
        )
        unit = "therm" if activity.endswith("therm") else "kWh"
        _add(story, f"{activity} as in the file", f"{found} of {fed} {unit}", found == fed)
    again = [sent.again for sent in story.files if sent.again is not None]
    imported = sum(one["recordsImported"] for one in again)
    grams = sum(one["emissions"] for one in again)
    _add(story, "sent again, nothing is imported", f"{imported} records, {grams} g", not imported and not grams)
    same = before["total"] == story.whole["total"]
    _add(story, "the total stays the same", f"{before['total']:,} g, {story.whole['total']:,} g after", same)


def _check_sums(story: Story) -> None:
    total = story.whole["total"]
    sums = {
        "the records' sum": sum(activity["emissions"] for activity in story.counted),
        "the months' sum": sum(month["total"] for month in story.months.values()),
        "the categories' sum": sum(entry["total"] for entry in story.whole["byCategory"]),
        "the days' sum": sum(entry["total"] for entry in story.whole["byDay"]),
    }
    for name, grams in sums.items():
        _add(story, f"{name} is viewer.footprint", f"{grams:,} g of {total:,} g", grams == total)
    waiting = sum(activity["status"] == "QUARANTINED" for activity in story.activities)
    _add(story, "nothing waits for an answer", f"{waiting} records", waiting == 0)


def _check_arithmetic(story: Story) -> None:
    wrong = [activity for activity in story.counted if grams_of(activity) != activity["emissions"]]
    figure = f"{len(story.counted):,} records" if not wrong else f"{len(wrong)} differ, first {wrong[0]['explanation']}"
    _add(story, "each record again by hand: the same grams", figure, not wrong)
    off = [one["change"] for one in story.advice if _saved(one) != one["saved"]]
    _add(story, "three changes, again by hand", ", ".join(off) or f"{len(story.advice)} changes", _is_three(story, off))


def _is_three(story: Story, off: list[str]) -> bool:
    return not off and len(story.advice) == 3


def grams_of(activity: Json) -> int:
    """Quantity x factor, divided by those who shared it; rounded once, half to even."""
    explanation = activity["explanation"]
    kilograms = Fraction(explanation["convertedQuantity"]) * Fraction(explanation["factorKgPerUnit"])
    people: int = activity["sharedBy"]
    return round(kilograms * 1_000 / people)


def _saved(advice: Json) -> int:
    per_unit = Decimal(advice["kgPerUnitNow"]) - Decimal(advice["kgPerUnitThen"])
    return int((Decimal(advice["quantity"]) * per_unit * 1_000).to_integral_value(ROUND_HALF_EVEN))


def _check_outlook(story: Story) -> None:
    pace = story.pace
    left = story.goal - story.week_total
    shown = f"{pace['left']:,} g of {story.goal:,} g" if pace["left"] is not None else "none"
    _add(
        story,
        "what is left is goal less the week's footprint",
        shown,
        pace["goal"] == story.goal and pace["left"] == left,
    )
    for name in ("week", "month"):
        band = pace[name]["forecast"]
        figure = "none" if band is None else f"{band['low']:,} <= {band['expected']:,} <= {band['high']:,} g"
        ok = band is not None and pace[name]["soFar"] <= band["low"] <= band["expected"] <= band["high"]
        _add(story, f"a forecast of the {name} with its band", figure, ok)
