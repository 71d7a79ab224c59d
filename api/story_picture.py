"""A person's year as one SVG picture: months as bars, where each number came from, the week, three changes."""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from mobile_stub.story.model import Source, Story, sources_of
from mobile_stub.story.words import (
    arithmetic,
    band,
    days_left,
    kilograms,
    label,
    largest,
    month,
    percent,
    running_month,
    short,
    span,
    told_by,
)

WIDTH, MARGIN = 1200, 48
CHART_TOP, CHART_HEIGHT, CHART_LEFT = 150, 300, 96
SOURCES_TOP = 560
ROW_HEIGHT = 66
ADVICE_HEIGHT = 72
COLUMN = 640
LETTERS_MAX = 88
COLOURS = {
    "electricity": "#3b6fd4",
    "energy": "#e0a030",
    "food": "#4c9f5d",
    "spend": "#a55fb0",
    "transport": "#2aa6a1",
    "flight": "#d1495b",
}
OTHER = "#7c8591"
INK, PALE, LINE, PAPER = "#1f2933", "#616e7c", "#dde2e7", "#ffffff"
STEPS = (10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 50_000)
LINES_MOST = 5


def picture_of(story: Story) -> str:
    """The text of an SVG file."""
    sources = sources_of(story.counted)
    height = SOURCES_TOP + 36 + max(ROW_HEIGHT * len(sources), 160 + ADVICE_HEIGHT * 3) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="Helvetica, Arial, DejaVu Sans, sans-serif" role="img">',
        f"<title>{escape(f'A year of {story.person}')}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="{PAPER}"/>',
        *_heading(story),
        *_legend(story),
        *_chart(story),
        *_sources(sources),
        *_week(story),
        *_advice(story),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _heading(story: Story) -> Iterator[str]:
    yield _text(MARGIN, 58, f"A year of {story.person}", size=30, weight="bold")
    yield _text(MARGIN, 84, f"{story.region}, {span(story)}, {len(story.counted):,} records", fill=PALE)
    yield _text(WIDTH - MARGIN, 58, kilograms(story.whole["total"]), size=30, weight="bold", anchor="end")
    yield _text(WIDTH - MARGIN, 84, "CO2e, the sum of every record to the gram", fill=PALE, anchor="end")


def _legend(story: Story) -> Iterator[str]:
    shown = {entry["category"]: entry["total"] for entry in story.whole["byCategory"]}
    step = (WIDTH - 2 * MARGIN) / max(len(story.categories), 1)
    for number, category in enumerate(story.categories):
        x = MARGIN + number * step
        yield _box(x, 104, 14, 14, _colour(category))
        yield _text(x + 21, 116, f"{label(category)} {percent(shown[category], story.whole['total'])}", size=14)


# ---------------------------------------------------------------- months


def _chart(story: Story) -> Iterator[str]:
    most = largest(story)
    step = next((step for step in STEPS if step * 1_000 * LINES_MOST >= most), STEPS[-1])
    top = -(-most // (step * 1_000)) * step * 1_000
    for line in range(top // (step * 1_000) + 1):
        y = _height(line * step * 1_000, top)
        yield f'<line x1="{CHART_LEFT}" x2="{WIDTH - MARGIN}" y1="{y:.1f}" y2="{y:.1f}" stroke="{LINE}"/>'
        yield _text(CHART_LEFT - 10, y + 4, f"{line * step:,} kg", size=12, fill=PALE, anchor="end")
    room = (WIDTH - MARGIN - CHART_LEFT) / len(story.months)
    for number, first in enumerate(story.months):
        yield from _month(story, first, CHART_LEFT + room * (number + 0.15), room * 0.7, top)


def _month(story: Story, first: str, x: float, wide: float, top: int) -> Iterator[str]:
    """From the bottom up in the order of the legend; of the running month also what is expected, with its band."""
    sum_of_parts = 0
    for category in story.categories:
        grams = story.of_month(first, category)
        y = _height(sum_of_parts + grams, top)
        if grams:
            yield _box(x, y, wide, _height(sum_of_parts, top) - y, _colour(category))
        sum_of_parts += grams
    highest = sum_of_parts
    forecast = story.pace["month"]["forecast"]
    if forecast and first == running_month(story):
        highest = forecast["high"]
        y, middle = _height(forecast["expected"], top), x + wide / 2
        yield (
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{_height(sum_of_parts, top) - y:.1f}" '
            f'fill="none" stroke="{PALE}" stroke-dasharray="4 3"/>'
        )
        low, high = _height(forecast["low"], top), _height(highest, top)
        yield f'<path d="M{middle:.1f} {high:.1f}V{low:.1f}" stroke="{INK}" stroke-width="2"/>'
        for end in (low, high):
            yield f'<path d="M{middle - 7:.1f} {end:.1f}h14" stroke="{INK}" stroke-width="2"/>'
    told = short(sum_of_parts) + (" so far" if highest > sum_of_parts else "")
    yield _text(x + wide / 2, _height(highest, top) - 8, told, size=12, anchor="middle")
    yield _text(x + wide / 2, CHART_TOP + CHART_HEIGHT + 22, month(first), size=13, anchor="middle")


def _height(grams: int, top: int) -> float:
    return CHART_TOP + CHART_HEIGHT * (1 - grams / top)


# ---------------------------------------------------------------- below


def _sources(sources: Sequence[Source]) -> Iterator[str]:
    yield _text(MARGIN, SOURCES_TOP, "Where each number came from", size=20, weight="bold")
    most = max((source.grams for source in sources), default=1)
    for number, source in enumerate(sources):
        y = SOURCES_TOP + 36 + number * ROW_HEIGHT
        wide = (COLUMN - MARGIN - 40) * source.grams / most
        yield _text(MARGIN, y, source.name, weight="bold", size=14)
        yield _text(COLUMN - 40, y, f"{kilograms(source.grams)}, {source.records:,} records", size=14, anchor="end")
        yield _box(MARGIN, y + 6, wide, 6, _colour(source.example["category"]))
        told = f"{source.example['explanation']['factorId']}: {told_by(source.example['explanation'])}"
        yield _text(MARGIN, y + 27, _cut(told), size=11, fill=PALE)
        yield _text(MARGIN, y + 41, _cut(arithmetic(source.example)), size=11, fill=PALE)


def _week(story: Story) -> Iterator[str]:
    pace = story.pace
    so_far, goal = pace["week"]["soFar"], story.goal
    forecast = pace["week"]["forecast"]
    most = max(so_far, goal, forecast["high"] if forecast else 0, 1)
    wide = WIDTH - MARGIN - COLUMN
    yield _text(COLUMN, SOURCES_TOP, "This week", size=20, weight="bold")
    yield _text(COLUMN, SOURCES_TOP + 32, f"{pace['text']}, of {short(goal)}", size=16)
    y = SOURCES_TOP + 46
    yield _box(COLUMN, y, wide, 18, "#eef1f4")
    yield _box(COLUMN, y, wide * so_far / most, 18, "#3b6fd4" if so_far <= goal else "#d1495b")
    if forecast:
        left, right = wide * forecast["low"] / most, wide * forecast["high"] / most
        yield _box(COLUMN + left, y, right - left, 18, "#b5bdc6")
    goal_at = COLUMN + wide * goal / most
    yield f'<path d="M{goal_at:.1f} {y - 4}v26" stroke="{INK}" stroke-width="2"/>'
    yield _text(COLUMN, y + 38, _cut(f"Week: {band(pace['week'])}"), size=12, fill=PALE)
    yield _text(COLUMN, y + 55, _cut(f"Month: {band(pace['month'])}"), size=12, fill=PALE)
    yield _text(COLUMN, y + 72, days_left(pace), size=12, fill=PALE)


def _advice(story: Story) -> Iterator[str]:
    top = SOURCES_TOP + 160
    yield _text(COLUMN, top, "Three changes that would save most", size=20, weight="bold")
    most = max((advice["savedWeekly"] for advice in story.advice), default=1) or 1
    for number, advice in enumerate(story.advice):
        y = top + 36 + number * ADVICE_HEIGHT
        yield _text(COLUMN, y, advice["title"], size=14, weight="bold")
        yield _text(WIDTH - MARGIN, y, f"{short(advice['savedWeekly'])} a week", size=14, anchor="end")
        yield _box(COLUMN, y + 6, (WIDTH - MARGIN - COLUMN) * advice["savedWeekly"] / most, 6, "#4c9f5d")
        share, _, sum_of_it = advice["arithmetic"].partition(", ")
        for line, told in enumerate([f"{advice['assumption']} {share}:", sum_of_it]):
            yield _text(COLUMN, y + 27 + 14 * line, _cut(told), size=11, fill=PALE)


# ---------------------------------------------------------------- shapes


def _colour(category: str) -> str:
    return COLOURS.get(category, OTHER)


def _cut(text: str) -> str:
    return text if len(text) <= LETTERS_MAX else text[: LETTERS_MAX - 2] + ".."


def _box(x: float, y: float, wide: float, high: float, fill: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" fill="{fill}"/>'


def _text(
    x: float, y: float, text: str, *, size: int = 15, fill: str = INK, weight: str = "normal", anchor: str = "start"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}" font-weight="{weight}" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )
