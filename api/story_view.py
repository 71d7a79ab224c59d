"""A person's year in the terminal: tables and bars, as wide as it is, without colour where nobody watches."""

from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from mobile_stub.storage import Json
from mobile_stub.story.model import Story, sources_of
from mobile_stub.story.words import (
    arithmetic,
    band,
    conversions,
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

FILLS = "█▓▒░▚▞▤▥"
SOLID = "█" * len(FILLS)
COLOURS = ("blue", "yellow", "green", "magenta", "cyan", "red", "white", "bright_black")
AHEAD, UNSURE = "·", "-"
MONTH_WIDTH = 9
TOTAL_WIDTH = 12
WIDEST = 140


def show_story(console: Console, story: Story) -> None:
    width = min(console.width, WIDEST)
    for part in _parts(story, width, SOLID if console.color_system else FILLS):
        console.print(part, width=width, soft_wrap=False, highlight=False)


def _parts(story: Story, width: int, fills: str) -> Iterator[RenderableType]:
    yield Text()
    yield Rule(f"A year of {story.person}", characters="=", style="green")
    yield Text(
        f"{story.person} lives in {story.region}. {span(story)}: {len(story.counted):,} records, "
        f"{kilograms(story.whole['total'])} CO2e."
    )
    yield from _section("What came in")
    yield _files(story)
    yield from _section("What was asked, and what was answered")
    yield _questions(story)
    yield from _section("Month by month")
    yield _months(story, width, fills)
    yield from _section("Where each number came from")
    yield _sources(story)
    yield from _section("How it goes on")
    yield _outlook(story)
    yield from _section("Three changes that would save most")
    yield _advice(story)
    yield from _section("What agrees")
    yield _checks(story)


def _section(title: str) -> Iterator[RenderableType]:
    yield Text()
    yield Rule(title, align="left", characters="-", style="dim")


def _indented(text: str, style: str = "") -> RenderableType:
    return Padding(Text(text, style=style), (0, 0, 0, 4), expand=False)


def _table(*headings: str, right: Sequence[int] = ()) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1), expand=False, show_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number in right else "left", overflow="fold")
    return table


def _files(story: Story) -> RenderableType:
    """What each file gave, before anything was answered, and what sending it again gave: nothing."""
    table = _table("file", "read as", "records", "taken", "kg at first", "sent again", right=(2, 3, 4, 5))
    for sent in story.files:
        first, again = sent.first, sent.again or {}
        table.add_row(
            sent.name,
            first["format"],
            f"{first['recordsRead']:,}",
            f"{first['recordsImported']:,}",
            f"{first['emissions'] / 1000:,.3f}",
            f"{again.get('recordsImported', 0):,} new",
        )
    by_hand = sum(activity["emissions"] for activity in story.counted if activity["source"] == "MANUAL")
    table.add_row(
        "meals, by hand", "recordActivities", f"{story.meals:,}", f"{story.meals:,}", f"{by_hand / 1000:,.3f}", ""
    )
    notes = [
        f"{sent.name}: {note['reason']}"
        for sent in story.files
        for note in sent.first["rejections"]
        if note["code"] == "NOT_COUNTED"
    ]
    twice = sum((sent.again or {}).get("recordsDuplicate", 0) for sent in story.files)
    said = f"Everything was sent twice. {twice:,} records were known already and counted once."
    return Group(table, Text(), *(Text(f"  {note}", style="dim") for note in notes), Text(f"  {said}"))


def _questions(story: Story) -> RenderableType:
    lines: list[RenderableType] = []
    for question in story.questions:
        others = f", {question.settled} others with it" if question.settled else ""
        lines.append(Text(f"{question.times} x {question.asked}"))
        lines.append(_indented(f"-> {question.answer}{others}. {question.why}", "green"))
    return Group(*lines)


# ---------------------------------------------------------------- bars


def _months(story: Story, width: int, fills: str) -> RenderableType:
    room = width - MONTH_WIDTH - TOTAL_WIDTH - 2
    most = largest(story)
    lines = [_legend(story, fills), Text()]
    for first, summary in story.months.items():
        line = Text(f"{month(first):<{MONTH_WIDTH}}")
        line.append_text(_bar(story, first, room, most, fills))
        line.append(f"{short(summary['total']):>{TOTAL_WIDTH}}")
        lines.append(line)
    lines.append(Text())
    if story.pace["month"]["forecast"]:
        lines.append(Text(f"{AHEAD} expected, {UNSURE} the rest of the forecast's band. {band(story.pace['month'])}."))
    return Group(*lines)


def _legend(story: Story, fills: str) -> RenderableType:
    total = story.whole["total"]
    shown = {entry["category"]: entry["total"] for entry in story.whole["byCategory"]}
    return Columns(
        [
            Text.assemble((fills[number], COLOURS[number]), f" {label(category)} {percent(shown[category], total)}")
            for number, category in enumerate(story.categories)
        ],
        padding=(0, 3),
    )


def _bar(story: Story, first: str, room: int, most: int, fills: str) -> Text:
    """As long as its grams: parts end at whole characters of the running sum, so that no part is lost by rounding."""
    text, sum_of_parts = Text(), 0
    for number, category in enumerate(story.categories):
        sum_of_parts += story.of_month(first, category)
        cells = sum_of_parts * room // most - len(text)
        text.append(fills[number] * cells, style=COLOURS[number])
    forecast = story.pace["month"]["forecast"]
    if forecast and first == running_month(story):
        text.append(AHEAD * (forecast["expected"] * room // most - len(text)))
        text.append(UNSURE * (forecast["high"] * room // most - len(text)))
    return Text.assemble(text, " " * (room - len(text)))


# ---------------------------------------------------------------- numbers and advice


def _sources(story: Story) -> RenderableType:
    lines: list[RenderableType] = []
    for source in sources_of(story.counted):
        example = source.example
        explanation = example["explanation"]
        lines.append(
            Text.assemble(
                (source.name, "bold"),
                f": {kilograms(source.grams)} in {source.records:,} records, for example {example['startedAt'][:10]}:",
            )
        )
        told = [f"{explanation['factorId']} ({explanation['region']}): {told_by(explanation)}"]
        told += [*conversions(example), arithmetic(example)]
        lines += [_indented(one) for one in told]
    lines.append(Text(f"All together {kilograms(story.whole['total'])}."))
    return Group(*lines)


def _outlook(story: Story) -> RenderableType:
    pace = story.pace
    lines = [
        Text(pace["text"] + ".", style="bold"),
        Text(
            f"{story.person}'s own goal is {short(story.goal)} a week, a tenth less than the average week. "
            f"{days_left(pace)}."
        ),
        Text(f"This week: {band(pace['week'])}."),
        Text(f"This month: {band(pace['month'])}."),
    ]
    return Group(*lines)


def _advice(story: Story) -> RenderableType:
    lines: list[RenderableType] = []
    for number, advice in enumerate(story.advice, 1):
        lines.append(
            Text.assemble(
                f"{number}. ",
                (advice["title"], "bold"),
                f": {short(advice['savedWeekly'])} a week. {advice['assumption']}",
            )
        )
        lines.append(_indented(advice["arithmetic"]))
        lines.append(_indented(_compared(advice), "dim"))
    return Group(*lines)


def _compared(advice: Json) -> str:
    then = advice["then"]
    now = f"{advice['now']['factorId']} ({told_by(advice['now'])})"
    return f"{now} -> {then['factorId']} ({told_by(then)})" if then else now


def _checks(story: Story) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    table.add_column()
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for check in story.checks:
        mark = Text("ok", style="green") if check.ok else Text("NOT", style="bold red")
        table.add_row(mark, check.name, check.figure)
    return table
