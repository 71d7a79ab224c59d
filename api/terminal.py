"""What a person sees: bars while things are set up, then a live table; plain lines where nobody watches a terminal."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from infra.engine.audit import Check
from mobile_stub.demo_state import DemoState

LINE_SECONDS = 15
BOOK_LEVELS = 5
NOTHING = {"0", "0.000 kg CO2e", "none yet"}


class Terminal:
    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        self.console.print(text, markup=False)

    @contextmanager
    def setup(self) -> Iterator["Setup"]:
        """Shows the steps of a start, one after the other."""
        if not self.console.is_terminal:
            yield Setup(self.say, None)
            return
        bars = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.console,
        )
        with bars:
            setup = Setup(self.say, bars)
            yield setup
            setup.finish()

    @contextmanager
    def demo(self, address: str, audience: str = "") -> Iterator[Callable[[DemoState], None]]:
        """Shows a demo as it goes on; the value takes each new state."""
        if not self.console.is_terminal:
            yield _Lines(self.say).report
            return
        with Live(console=self.console, refresh_per_second=8, transient=False) as live:
            yield lambda state: live.update(_demo_view(state, address, audience))

    def show_result(self, state: DemoState, failures: Sequence[str]) -> None:
        self.say("")
        for imported in state.imports:
            self.say(
                f"  {imported.file_name}: {imported.format}, {imported.readings:,} readings, "
                f"{imported.rejected:,} rejected, {kilograms(imported.emissions)}"
            )
        for name, figure in _figures(state):
            self.say(f"  {name:<24}{figure}")
        for failure in failures:
            self.say(f"  FAILED: {failure}")

    def show_audit(self, checks: Sequence[Check]) -> None:
        """Each invariant with its figure."""
        width = max((len(check.name) for check in checks), default=0)
        self.say("")
        self.say("Audit")
        for check in checks:
            mark = "ok    " if check.ok else "BROKEN"
            self.console.print(f"  [{'green' if check.ok else 'bold red'}]{mark}[/] ", end="")
            self.say(f"{check.name:<{width}}  {check.figure}")


class Setup:
    """Takes the steps of a start. May be called from another thread."""

    def __init__(self, say: Callable[[str], None], bars: Progress | None) -> None:
        self._say = say
        self._bars = bars
        self._current: tuple[str, int] | None = None

    def step(self, text: str) -> None:
        """Begins a step of unknown length; the one before is finished."""
        self.progress(text, 0, 1)

    def progress(self, text: str, done: int, total: int) -> None:
        is_new = self._current is None or self._current[0] != text
        if self._bars is None:
            if is_new:
                self._say(f"{text} ...")
                self._current = (text, 0)
            return
        if is_new:
            self.finish()
            self._current = (text, int(self._bars.add_task(text, total=total)))
        assert self._current
        self._bars.update(self._current[1], completed=done, total=total)  # type: ignore[arg-type]

    def finish(self) -> None:
        if self._bars is not None and self._current is not None:
            task = self._bars.tasks[self._current[1]]
            self._bars.update(task.id, completed=task.total)
        self._current = None


class _Lines:
    """A line for each new phase, and one now and then while a phase goes on."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._phase = ""
        self._said_at = 0.0

    def report(self, state: DemoState) -> None:
        if state.phase == self._phase and time.monotonic() - self._said_at < LINE_SECONDS:
            return
        self._phase, self._said_at = state.phase, time.monotonic()
        figures = ", ".join(f"{name} {figure}" for name, figure in _figures(state) if figure not in NOTHING)
        self._say(f"[{state.seconds:6.1f} s] {state.phase}: {figures}".rstrip(": "))


def kilograms(grams: int) -> str:
    return f"{grams / 1000:,.3f} kg CO2e"


def _figures(state: DemoState) -> list[tuple[str, str]]:
    return [
        ("phones", f"{state.phones:,}" + (f" ({state.phones_offline} offline)" if state.phones_offline else "")),
        ("activities", f"{state.activities:,}"),
        ("footprint", kilograms(state.grams_counted)),
        ("left over", kilograms(state.grams_left_over)),
        ("orders", f"{state.orders:,}"),
        ("trades", f"{state.trades:,}"),
        ("traded", kilograms(state.grams_traded)),
        ("last price", _price(state.last_price)),
        ("points", f"{state.points_converted:,}"),
        ("redemptions", f"{state.redemptions_captured:,}"),
        ("events", f"{state.events:,}"),
    ]


def _price(minor: int | None) -> str:
    return "none yet" if minor is None else f"{minor:,} minor units a tonne"


def _demo_view(state: DemoState, address: str, audience: str) -> RenderableType:
    figures = Table.grid(padding=(0, 2))
    figures.add_column(style="dim")
    figures.add_column(justify="right")
    for name, figure in _figures(state):
        figures.add_row(name, figure)
    sides = Table.grid(padding=(0, 4))
    sides.add_row(figures, _book_view(state))
    where = f"{address}   [dim]{audience}[/]" if audience else address
    return Panel(
        Group(where, "", sides),
        title=f"Gramme  {state.phase}",
        subtitle=f"{state.seconds:,.0f} s   Ctrl-C stops everything",
        border_style="green",
    )


def _book_view(state: DemoState) -> RenderableType:
    book = Table(box=SIMPLE_HEAD, title=state.symbol or "no market yet", title_justify="left")
    for heading, style in (("bid kg", "green"), ("bid", "green"), ("ask", "red"), ("ask kg", "red")):
        book.add_column(heading, justify="right", style=style)
    for level in range(BOOK_LEVELS):
        bid = state.bids[level] if level < len(state.bids) else None
        ask = state.asks[level] if level < len(state.asks) else None
        book.add_row(
            f"{bid[1] / 1000:,.0f}" if bid else "",
            f"{bid[0]:,}" if bid else "",
            f"{ask[0]:,}" if ask else "",
            f"{ask[1] / 1000:,.0f}" if ask else "",
        )
    return book
