"""Rules to choose from, and the seconds that each of them finds.

Seconds are those of :mod:`~explainable_seg.evaluation.detection`, a recording
or a block of it at a time: sums of them give the F1 of any set of recordings.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from pyannote.core import Segment, Timeline

from explainable_seg.annotation import common_time
from explainable_seg.decisions import (
    Rules,
    Segmentation,
    active_frames,
    drop_short,
    fill_pauses,
)
from explainable_seg.evaluation.detection import Spans
from explainable_seg.evaluation.thresholds import f_beta
from explainable_seg.frames import Span, frame_spans

THRESHOLDS = [round(0.02 * n, 2) for n in range(1, 50)]
DURATIONS = [0.0, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0]  # seconds, of both kinds
MIDDLE = 0.5  # from where a class without a threshold is looked for
BLOCK = 30.0
"""Seconds of the blocks that recordings are cut into."""


@dataclass(frozen=True)
class ClassRules:
    """How one class is decided.

    Arguments
    ---------
    threshold : float or None
        Lowest probability; None where there is none.
    min_off : float
        Shortest pause, seconds.
    min_on : float
        Shortest segment, seconds.
    """

    threshold: float | None
    min_off: float
    min_on: float

    @classmethod
    def of(cls, rules: Rules, name: str) -> "ClassRules":
        """Those of a class."""
        return cls(
            rules.thresholds[name],
            rules.min_off.get(name, 0.0),
            rules.min_on.get(name, 0.0),
        )


class Candidates(NamedTuple):
    """Rules to choose from, in the order in which they are counted."""

    thresholds: list[float]
    min_off: list[float]
    min_on: list[float]

    @classmethod
    def around(cls, now: ClassRules) -> "Candidates":
        """A grid that holds the present rules."""
        threshold = MIDDLE if now.threshold is None else now.threshold
        return cls(
            sorted({*THRESHOLDS, threshold}),
            sorted({*DURATIONS, now.min_off}),
            sorted({*DURATIONS, now.min_on}),
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """How many of each."""
        return len(self.thresholds), len(self.min_off), len(self.min_on)

    def at(self, index: int) -> ClassRules:
        """One of them."""
        t, off, on = np.unravel_index(index, self.shape)
        return ClassRules(
            self.thresholds[t], self.min_off[off], self.min_on[on]
        )

    def place(self, rules: ClassRules) -> int:
        """Place of one of them."""
        threshold = MIDDLE if rules.threshold is None else rules.threshold
        places = (
            self.thresholds.index(threshold),
            self.min_off.index(rules.min_off),
            self.min_on.index(rules.min_on),
        )
        return int(np.ravel_multi_index(places, self.shape))

    def distances(self, index: int) -> torch.Tensor:
        """How far each is from one: probabilities and seconds weigh alike."""
        axes = [torch.tensor(axis, dtype=torch.float64) for axis in self]
        grid = torch.cartesian_prod(*axes)
        return (grid - grid[index]).abs().sum(dim=1)

    def spans(
        self, probabilities: np.ndarray, duration: float, hysteresis: float
    ) -> Iterator[list[Span]]:
        """What each finds in a recording, as ``decide`` would."""
        for threshold in self.thresholds:
            active = active_frames(probabilities, threshold, hysteresis)
            filled = frame_spans(active, duration)
            for min_off in self.min_off:
                # What a shorter one has filled, a longer one fills too.
                filled = fill_pauses(filled, min_off)
                kept = filled
                for min_on in self.min_on:
                    kept = drop_short(kept, min_on)
                    yield kept


class Counts(NamedTuple):
    """Seconds of what is left out together, of each candidate: N of them."""

    hits: torch.Tensor  # [G, N], found and right
    found: torch.Tensor  # [G, N]
    heard: torch.Tensor  # [G]
    known: torch.Tensor  # [G]

    def f1(self, beta: float = 1.0) -> torch.Tensor:
        """F-beta of all groups together: [N]."""
        hits, found = self.hits.sum(0), self.found.sum(0)
        return f_beta(hits, found, self.heard.sum(), beta)

    def f1_without(self) -> torch.Tensor:
        """F1 of all groups but one: [G, N]."""
        return f_beta(
            self.hits.sum(0) - self.hits,
            self.found.sum(0) - self.found,
            (self.heard.sum() - self.heard)[:, None],
        )

    def without(self, group: int) -> "Counts":
        """The other groups."""
        others = torch.arange(len(self.heard)) != group
        return Counts(*(values[others] for values in self))

    def merged(self, groups: torch.Tensor) -> "Counts":
        """Sums over those of the same group [G], numbered from 0."""
        n = int(groups.max()) + 1 if len(groups) else 0
        return Counts(
            *(
                values.new_zeros(n, *values.shape[1:]).index_add_(
                    0, groups, values
                )
                for values in self
            )
        )


class Scene(NamedTuple):
    """A recording with a class: its probability, and where it truly is."""

    segmentation: Segmentation
    column: int
    heard: Timeline
    known: Timeline


def find_scenes(
    name: str,
    found: Iterable[Segmentation],
    reference: Spans,
    time: Mapping[str, Timeline],
) -> list[Scene]:
    """The recordings in which a class is annotated."""
    scenes = []
    for one in found:
        extent = Timeline([Segment(one.start, one.end)])
        known = common_time(time.get(one.uri, Timeline()), extent)
        if known:
            heard = common_time(reference[one.uri][name], known)
            column = one.classes.index(name)
            scenes.append(Scene(one, column, heard, known))
    return scenes


def count(
    scenes: Sequence[Scene],
    candidates: Candidates,
    hysteresis: float,
    in_blocks: bool,
) -> Counts:
    """Counts of each recording, or of each block of them."""
    counts = [
        _counts_of(scene, candidates, hysteresis, in_blocks) for scene in scenes
    ]
    if not counts:
        nothing = torch.zeros(0, math.prod(candidates.shape))
        return Counts(nothing, nothing, torch.zeros(0), torch.zeros(0))
    whole = Counts(*map(torch.cat, zip(*counts)))
    if in_blocks:
        known = whole.known > 0
        return Counts(*(values[known] for values in whole))
    uris = [scene.segmentation.uri for scene in scenes]
    places = {uri: place for place, uri in enumerate(dict.fromkeys(uris))}
    return whole.merged(torch.tensor([places[uri] for uri in uris]))


def _counts_of(
    scene: Scene, candidates: Candidates, hysteresis: float, in_blocks: bool
) -> Counts:
    """Counts of one recording, or of each block of it."""
    one = scene.segmentation
    n_blocks = max(1, int(one.duration // BLOCK)) if in_blocks else 1
    cuts = np.linspace(one.start, one.end, n_blocks + 1)
    truth = [_Clock(scene.heard), _Clock(scene.known)]
    seconds = [
        [
            clock.inside(one.start + np.array(spans).reshape(-1, 2), cuts)
            for clock in truth
        ]
        for spans in candidates.spans(
            one.probabilities[:, scene.column], one.duration, hysteresis
        )
    ]
    hits, found = torch.from_numpy(np.array(seconds)).permute(1, 2, 0)
    heard, known = (
        torch.from_numpy(np.diff(clock.before(cuts))) for clock in truth
    )
    return Counts(hits, found, heard, known)


class _Clock:
    """A clock that runs only inside a timeline."""

    def __init__(self, timeline: Timeline):
        spans = np.array([(s.start, s.end) for s in timeline.support()])
        self.edges = np.append(0.0, spans.reshape(-1))
        lengths = np.diff(spans.reshape(-1, 2), axis=1).reshape(-1)
        ends = np.cumsum(lengths)
        self.shown = np.append(0.0, np.stack([ends - lengths, ends], 1))

    def before(self, moments: np.ndarray) -> np.ndarray:
        """What it shows at each moment, seconds."""
        return np.interp(moments, self.edges, self.shown)

    def inside(self, spans: np.ndarray, cuts: np.ndarray) -> np.ndarray:
        """By how much it goes on inside sorted spans [S, 2], cut by cut."""
        starts, ends = self.before(spans.T)
        sums = np.append(0.0, np.cumsum(ends - starts))
        ended = np.searchsorted(spans[:, 1], cuts)
        begun = self.before(cuts) - np.append(starts, np.inf)[ended]
        return np.diff(sums[ended] + np.maximum(begun, 0.0))
