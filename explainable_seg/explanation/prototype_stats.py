"""Prototypes of the classes from a stream of segments, in flat memory.

The prototype of a class is the mean relevance of its segments, ``p_c =
mean_x r_c(x)`` (arXiv 2401.08268). Counts and sums give means and standard
deviations. Intervals come from a Poisson bootstrap, the bootstrap of streams:
each segment enters each resampled data set as often as a Poisson draw of mean
1 says (Chamandy et al., "Estimating uncertainty for massive data streams",
2012). Quantiles come from a uniform reservoir (Vitter, "Random sampling with a
reservoir", 1985, algorithm R): exact while all segments fit, and needing no
package or tuning; beyond, ranks are off by 1.1 % (standard error).
"""

from dataclasses import dataclass

import torch

from explainable_seg.brief import Brief
from explainable_seg.explanation.bootstrap import AT_ONCE, interval

DRAWS = 500  # resampled data sets
RESERVOIR = 2048  # segments of a class
QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True, eq=False, repr=False)
class Prototype(Brief):
    """What makes up a class in a data set.

    Arguments
    ---------
    n_segments : int
        Segments of the class, at least one.
    n_frames : int
        Their frames.
    mean : torch.Tensor [shape=(K,)]
        p_c, in units of the logit.
    std : torch.Tensor [shape=(K,)]
        Standard deviation over segments; 0 for a single one.
    low, high : torch.Tensor [shape=(K,)]
        95 % bootstrap interval of the mean.
    quantiles : torch.Tensor [shape=(3, K)]
        Of the segments, at QUANTILES.
    """

    n_segments: int
    n_frames: int
    mean: torch.Tensor
    std: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor
    quantiles: torch.Tensor


class PrototypeStats:
    """Relevances of the segments of one class, accumulated.

    Arguments
    ---------
    n_atoms : int
        Number of atoms K.
    seed : int
        Of the bootstrap and the reservoir.

    Example
    -------
    >>> stats = PrototypeStats(2)
    >>> stats.update(torch.tensor([[1.0, 0.0], [3.0, 0.0]]), n_frames=50)
    >>> stats.prototype().mean.tolist()
    [2.0, 0.0]
    """

    def __init__(self, n_atoms: int, seed: int = 0):
        self.generator = torch.Generator().manual_seed(seed)
        self.n_segments = 0
        self.n_frames = 0
        self.sums = torch.zeros(n_atoms, dtype=torch.float64)
        self.squares = torch.zeros(n_atoms, dtype=torch.float64)
        self.drawn_sums = torch.zeros(DRAWS, n_atoms, dtype=torch.float64)
        self.drawn_counts = torch.zeros(DRAWS, 1, dtype=torch.float64)
        self.reservoir = torch.zeros(0, n_atoms)

    def update(self, r: torch.Tensor, n_frames: int) -> None:
        """Add segments.

        Arguments
        ---------
        r : torch.Tensor [shape=(S, K)]
            Relevance of each atom in each segment.
        n_frames : int
            Frames of these segments together.
        """
        r = r.double().cpu()
        self.sums += r.sum(dim=0)
        self.squares += r.square().sum(dim=0)
        for part in r.split(AT_ONCE // DRAWS):
            ones = torch.ones(DRAWS, len(part), dtype=torch.float64)
            times = torch.poisson(ones, generator=self.generator)
            self.drawn_sums += times @ part
            self.drawn_counts += times.sum(dim=1, keepdim=True)
        for row in r.float():
            self._sample(row)
        self.n_frames += n_frames

    def _sample(self, row: torch.Tensor) -> None:
        """Keep a segment with the odds of every one before it."""
        self.n_segments += 1
        if self.n_segments <= RESERVOIR:
            self.reservoir = torch.cat([self.reservoir, row[None]])
            return
        place = torch.randint(self.n_segments, (1,), generator=self.generator)
        if place < RESERVOIR:
            self.reservoir[place] = row

    def prototype(self) -> Prototype | None:
        """What the segments have in common.

        Returns
        -------
        Prototype or None
            None where there was no segment.
        """
        if self.n_segments == 0:
            return None
        mean = self.sums / self.n_segments
        variance = self.squares / self.n_segments - mean.square()
        low, high = interval(self.drawn_sums / self.drawn_counts)
        ranks = torch.tensor(QUANTILES)
        return Prototype(
            n_segments=self.n_segments,
            n_frames=self.n_frames,
            mean=mean,
            std=variance.clamp(min=0).sqrt(),
            low=low,
            high=high,
            quantiles=self.reservoir.quantile(ranks, dim=0),
        )
