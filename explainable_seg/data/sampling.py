"""Where in the recordings a chunk is cut: corpora and classes balanced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from explainable_seg.classes import CLASSES
from explainable_seg.data.manifest import Region
from explainable_seg.data.truth import Truth, heard_spans
from explainable_seg.errors import SettingsError


@dataclass(frozen=True)
class Balance:
    """How far rare corpora and classes are drawn more often than they occur.

    Arguments
    ---------
    corpus_exponent : float
        A corpus is drawn in proportion to its hours to this power: 1 as long
        as it is, 0 all corpora alike.
    class_share : float
        Share of chunks that are cut around a moment of a class, the classes
        alike; the others are cut anywhere.
    """

    corpus_exponent: float = 1.0
    class_share: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no power or no share."""
        if not (0 <= self.corpus_exponent <= 1 and 0 <= self.class_share <= 1):
            raise SettingsError(
                "expected `corpus_exponent` and `class_share` in [0, 1], got "
                f"{self.corpus_exponent} and {self.class_share}"
            )


@dataclass(frozen=True)
class _Spans:
    """Stretches of regions, drawn as often as they are long."""

    owners: np.ndarray  # indices of regions
    starts: np.ndarray  # seconds in the region
    lengths: np.ndarray  # seconds
    shares: np.ndarray  # of each in the sum of lengths

    def draw(self, rng: np.random.Generator) -> tuple[int, float]:
        """A region and a moment in it."""
        index = rng.choice(len(self.owners), p=self.shares)
        moment = self.starts[index] + rng.uniform(0, self.lengths[index])
        return int(self.owners[index]), float(moment)


class ChunkSampler:
    """Draws regions and where a chunk of them starts.

    Arguments
    ---------
    regions : Sequence[Region]
        Rows of a manifest; the corpus of a row is what its ID names.
    truths : Mapping[str, Truth]
        For each recording its truth.
    duration : float
        Seconds a chunk.
    balance : Balance
        By default chunks are drawn as often as they occur.
    """

    def __init__(
        self,
        regions: Sequence[Region],
        truths: Mapping[str, Truth],
        duration: float,
        balance: Balance = Balance(),
    ):
        self.regions = list(regions)
        self.duration = duration
        self.balance = balance
        corpora: dict[str | None, list[int]] = {}
        for index, region in enumerate(self.regions):
            corpora.setdefault(region.corpus, []).append(index)
        self._anywhere = [
            _as_spans(
                [(i, 0.0, self.regions[i].duration) for i in members],
            )
            for members in corpora.values()
        ]
        self._moments = [
            self._class_moments(members, truths) if balance.class_share else []
            for members in corpora.values()
        ]
        hours = np.array([spans.lengths.sum() for spans in self._anywhere])
        weights = hours**balance.corpus_exponent
        self._corpus_shares = weights / weights.sum()

    def draw(self, rng: np.random.Generator) -> tuple[Region, float]:
        """A region, and seconds in it where the chunk starts.

        Arguments
        ---------
        rng : np.random.Generator
            Source of randomness.

        Returns
        -------
        tuple[Region, float]
            The chunk lies inside the region, if that is long enough.
        """
        corpus = rng.choice(len(self._anywhere), p=self._corpus_shares)
        moments = self._moments[corpus]
        around = rng.random() < self.balance.class_share and moments
        if not around:
            index, _ = self._anywhere[corpus].draw(rng)
            slack = max(0.0, self.regions[index].duration - self.duration)
            return self.regions[index], float(rng.uniform(0, slack))
        index, moment = moments[rng.integers(len(moments))].draw(rng)
        slack = max(0.0, self.regions[index].duration - self.duration)
        start = moment - rng.uniform(0, self.duration)
        return self.regions[index], float(np.clip(start, 0.0, slack))

    def _class_moments(
        self, members: Sequence[int], truths: Mapping[str, Truth]
    ) -> list[_Spans]:
        """For each class that occurs, where it does."""
        found = []
        for name in CLASSES:
            rows = [
                (index, start, end)
                for index in members
                for start, end in heard_spans(
                    self.regions[index],
                    truths[self.regions[index].recording],
                    name,
                )
            ]
            if rows:
                found.append(_as_spans(rows))
        return found


def _as_spans(rows: Sequence[tuple[int, float, float]]) -> _Spans:
    """Arrays of (index of the region, start, end)."""
    owners, starts, ends = zip(*rows)
    first = np.array(starts)
    lengths = np.array(ends) - first
    return _Spans(np.array(owners), first, lengths, lengths / lengths.sum())
