"""How a story says its numbers, in the terminal and in the picture alike."""

import re
from datetime import date

from mobile_stub.storage import Json
from mobile_stub.story.model import Story

_LONG = re.compile(r"(\d+\.\d{6})\d{3,}")
LABELS = {
    "electricity": "electricity",
    "energy": "heating gas",
    "food": "food",
    "flight": "flights",
    "spend": "things bought",
    "transport": "on the road",
}


def label(category: str) -> str:
    return LABELS.get(category, category)


def kilograms(grams: int) -> str:
    """To the gram."""
    return f"{grams / 1000:,.3f} kg"


def short(grams: int) -> str:
    """With one decimal; tonnes from a thousand kilograms on."""
    return f"{grams / 1_000_000:,.2f} t" if abs(grams) >= 1_000_000 else f"{grams / 1_000:,.1f} kg"


def month(first: str) -> str:
    return date.fromisoformat(first).strftime("%b %Y")


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "0 %"


def arithmetic(activity: Json) -> str:
    """The server's own formula; more than eight decimals are cut for the eye."""
    return _LONG.sub(r"\1..", activity["explanation"]["formula"])


def conversions(activity: Json) -> list[str]:
    """Caveats that are a calculation of their own, such as dollars of another year."""
    return [caveat for caveat in activity["explanation"]["caveats"] if " = " in caveat]


def told_by(factor: Json) -> str:
    return f"{factor['source']}, {factor['edition']}"


def span(story: Story) -> str:
    return f"{story.year.first:%-d %B %Y} to {story.year.last:%-d %B %Y}"


def band(outlook: Json) -> str:
    forecast = outlook["forecast"]
    if forecast is None:
        return f"{short(outlook['soFar'])} so far, no forecast"
    return (
        f"{short(outlook['soFar'])} so far, {short(forecast['expected'])} expected "
        f"({short(forecast['low'])} to {short(forecast['high'])} in {forecast['coveragePercent']} % of cases)"
    )


def days_left(pace: Json) -> str:
    count = pace["daysLeft"]
    days = f"{count} days are left" if count > 1 else "Today is left"
    return f"{days}, at {short(pace['dailyLeft'])} a day"


def running_month(story: Story) -> str:
    """Its first day, as the months are named."""
    return str(story.pace["month"]["from"])


def largest(story: Story) -> int:
    """The most grams that a bar of a month has to show."""
    forecast = story.pace["month"]["forecast"]
    totals: list[int] = [summary["total"] for summary in story.months.values()]
    return max([1, *totals, int(forecast["high"]) if forecast else 0])
