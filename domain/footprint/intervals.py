"""Intervals of one register that share time: which of them count, so that no moment counts twice."""

from collections.abc import Sequence

from domain.footprint.verdict import Interval

NESTING_MAX = 4


def without_overlaps(intervals: Sequence[Interval]) -> tuple[list[int], list[int]]:
    """Positions to keep and to drop so that no moment counts twice; the intervals are distinct, by start.

    A longer interval gives way to the shorter ones inside where they fill it, else they give way to it. Of two that
    only cross, the one that starts later goes; crossing by a changed clock's hour is no overlap (`_meet`).
    """
    order = sorted(range(len(intervals)), key=lambda position: (intervals[position].start, -intervals[position].end))
    kept: list[int] = []
    dropped: list[int] = []
    _resolve(intervals, order, NESTING_MAX, kept, dropped)
    return kept, dropped


def _resolve(
    intervals: Sequence[Interval], order: Sequence[int], depth: int, kept: list[int], dropped: list[int]
) -> None:
    at = 0
    while at < len(order):
        outer = intervals[order[at]]
        inside: list[int] = []
        following = at + 1
        while following < len(order) and intervals[order[following]].start < outer.end:
            fits = intervals[order[following]].end <= outer.end
            if not fits and _meet(outer, intervals[order[following]]):
                break
            (inside if fits else dropped).append(order[following])
            following += 1
        inner: list[int] = []
        if inside and depth:
            lost: list[int] = []
            _resolve(intervals, inside, depth - 1, inner, lost)
            filled = sum(intervals[position].end - intervals[position].start for position in inner)
            if filled == outer.end - outer.start:
                kept.extend(inner)
                dropped.extend((order[at], *lost))
                at = following
                continue
        kept.append(order[at])
        dropped.extend(inside)
        at = following


def _meet(earlier: Interval, later: Interval) -> bool:
    """True for neighbours that cross by up to an hour and a twentieth of the shorter: a bill over a clock change."""
    shorter = min(earlier.end - earlier.start, later.end - later.start)
    return earlier.end - later.start <= min(3600, shorter // 20)
