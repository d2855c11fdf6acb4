"""Changes to the lines of a word list: found, applied, taken back, and merged where two people made some."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile

from app.core.vocabulary import Line

Lines = Sequence[Line]

CLOSELY = 100
"""Lines between two that stay, which are compared each with each."""


@dataclass(frozen=True, slots=True)
class Change:
    """Some lines, none included, take the place of some others. `start` counts in the list before all changes."""

    start: int
    removed: tuple[Line, ...]
    added: tuple[Line, ...]

    @property
    def end(self) -> int:
        return self.start + len(self.removed)


@dataclass(frozen=True, slots=True)
class Merged:
    lines: tuple[Line, ...]
    twice: int
    """How many places both sides changed; both versions stand there."""


def changes(old: Lines, new: Lines) -> list[Change]:
    """What makes the new list out of the old one, in order of place."""
    first = _equal(zip(old, new, strict=False))
    last = _equal(zip(reversed(old[first:]), reversed(new[first:]), strict=False))
    gone, come = old[first : len(old) - last], new[first : len(new) - last]
    made: list[Change] = []
    i, k = 0, 0
    for same in (*_same_lines([line.text for line in gone], [line.text for line in come]), (len(gone), len(come))):
        if same > (i, k):
            made.append(Change(first + i, tuple(gone[i : same[0]]), tuple(come[k : same[1]])))
        i, k = same[0] + 1, same[1] + 1
    return made


def applied(lines: Lines, made: Sequence[Change]) -> tuple[Line, ...]:
    """The lines after the changes, which stand in order of place and do not overlap."""
    result: list[Line] = []
    place = 0
    for change in made:
        result += [*lines[place : change.start], *change.added]
        place = change.end
    return (*result, *lines[place:])


def inverse(made: Sequence[Change]) -> list[Change]:
    """The changes that take these back."""
    result: list[Change] = []
    shift = 0
    for change in made:
        result.append(Change(change.start + shift, change.added, change.removed))
        shift += len(change.added) - len(change.removed)
    return result


def merge(base: Lines, mine: Lines, theirs: Lines) -> Merged:
    """Both sides' changes to the same list. No line that either side added is lost."""
    result: list[Line] = []
    place, twice = 0, 0
    for mine_here, theirs_here in _groups(changes(base, mine), changes(base, theirs)):
        start = min(change.start for change in (*mine_here, *theirs_here))
        end = max(change.end for change in (*mine_here, *theirs_here))
        result += base[place:start]
        added, both = _merged_here(base, start, end, mine_here, theirs_here)
        result += added
        twice += both
        place = end
    return Merged((*result, *base[place:]), twice)


def _groups(mine: Sequence[Change], theirs: Sequence[Change]) -> Iterator[tuple[list[Change], list[Change]]]:
    """Changes that meet, together; each group with those of either side. Neighbours do not meet."""
    both = sorted([(c, 0) for c in mine] + [(c, 1) for c in theirs], key=lambda each: (each[0].start, each[0].end))
    group: tuple[list[Change], list[Change]] = ([], [])
    start = end = -1
    for change, side in both:
        same_gap = start == end == change.end
        if change.start >= end and not same_gap and start >= 0:
            yield group
            group, start = ([], []), -1
        if start < 0:
            start, end = change.start, change.end
        group[side].append(change)
        end = max(end, change.end)
    if start >= 0:
        yield group


def _merged_here(
    base: Lines, start: int, end: int, mine: Sequence[Change], theirs: Sequence[Change]
) -> tuple[list[Line], bool]:
    """The lines that take the place of base[start:end], and whether both sides changed the same ones."""
    old = list(base[start:end])
    my_version, their_version = (_version(old, start, side) for side in (mine, theirs))
    if not mine or my_version == their_version:
        return their_version, False
    if not theirs:
        return my_version, False
    my_own = [line for line in my_version if line not in old and line not in their_version]
    return their_version + my_own, any(change.removed for change in mine) and any(change.removed for change in theirs)


def _version(old: Lines, start: int, made: Sequence[Change]) -> list[Line]:
    return list(applied(old, [Change(change.start - start, change.removed, change.added) for change in made]))


def _same_lines(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Places in both lists of the lines that stay, in order.

    Lines that stand once on either side hold the lists together, as many as are in the same order; what lies between
    them is short, or counts as written anew. The time grows as the lists do, where difflib alone takes its square.
    """
    done = 0, 0
    for i, k in (*_in_order(_unique_lines(old, new)), (len(old), len(new))):
        if i >= done[0] and k >= done[1]:
            yield from _same_between(old, new, done, (i, k))
            if i < len(old) and k < len(new):
                yield i, k
            done = i + 1, k + 1


def _same_between(
    old: Sequence[str], new: Sequence[str], start: tuple[int, int], end: tuple[int, int]
) -> Iterator[tuple[int, int]]:
    (i, k), (last_i, last_k) = start, end
    if max(last_i - i, last_k - k) <= CLOSELY:
        for block in SequenceMatcher(None, old[i:last_i], new[k:last_k]).get_matching_blocks():
            yield from ((i + block.a + n, k + block.b + n) for n in range(block.size))


def _unique_lines(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Places of the lines that stand once in each list, in the order of the old one."""
    old_times, new_times = Counter(old), Counter(new)
    place = {text: k for k, text in enumerate(new) if new_times[text] == 1}
    return [(i, place[text]) for i, text in enumerate(old) if text in place and old_times[text] == 1]


def _in_order(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest series of pairs whose second places go up, too."""
    ends: list[int] = []
    """The least second place with which a series of each length ends, ..."""
    at: list[int] = []
    """... and the pair that it ends with."""
    before: list[int] = []
    """For each pair, the one before it."""
    for number, (_, k) in enumerate(pairs):
        length = bisect_left(ends, k)
        before.append(at[length - 1] if length else -1)
        ends[length : length + 1] = [k]
        at[length : length + 1] = [number]
    series: list[tuple[int, int]] = []
    number = at[-1] if at else -1
    while number >= 0:
        series.append(pairs[number])
        number = before[number]
    return series[::-1]


def _equal(pairs: Iterator[tuple[Line, Line]]) -> int:
    """How many pairs are of equal lines, from the first on."""
    return sum(1 for _ in takewhile(lambda pair: pair[0].text == pair[1].text, pairs))
