"""Explanations, anchors, controls and other methods in one comparison.

Every candidate ranks the points of a passage. Its masks at equal retained
energy are laid on the sound, and the model hears what they keep and leave. At
the same time these are points of the insertion and deletion curves, whose
horizontal axis is the share of the energy inserted or deleted.

Energy is what a listener hears, but a model of log-power hears faint points
almost as well as loud ones, so a candidate that ranks faint points first keeps
more of them. ``equal="points"`` compares at equal numbers of points instead;
what holds on both axes does not rest on the choice.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from explainable_seg.annotation import uri_of
from explainable_seg.errors import AnnotationError
from explainable_seg.evaluation.detection import read_spans
from explainable_seg.evaluation.faithfulness import (
    MEASURES,
    FaithfulnessStats,
    area_weights,
)
from explainable_seg.explanation import (
    Predictor,
    difference_interval,
    mean_interval,
    reanalyse,
)
from explainable_seg.features import LogPowerSpectrogram
from explainable_seg.frames import Span


def read_reference(
    path: str | os.PathLike[str], audio: str | os.PathLike[str]
) -> dict[str, list[Span]]:
    """Spans of each class that an RTTM file names for a recording.

    A file does not say which classes its writer listened for, so a class
    without a line counts as unknown.

    Arguments
    ---------
    path : str or os.PathLike
        RTTM file. If it holds one recording alone, that is the one.
    audio : str or os.PathLike
        The recording, whose name is looked up among several.

    Returns
    -------
    dict[str, list[tuple[float, float]]]
        Sorted, disjoint spans in seconds.

    Raises
    ------
    AnnotationError
        If the file cannot be read, or holds several recordings and not this.
    """
    recordings = read_spans(path)
    uri = uri_of(audio)
    if uri not in recordings and len(recordings) != 1:
        raise AnnotationError(
            f"expected lines of {uri}, got those of "
            f"{', '.join(list(recordings)[:3])}, in {path}; name its file"
        )
    spans = recordings.get(uri) or next(iter(recordings.values()))
    return {
        name: [(turn.start, turn.end) for turn in timeline.support()]
        for name, timeline in spans.items()
        if timeline
    }


def retention_masks(
    scores: torch.Tensor,
    power: torch.Tensor,
    shares: Sequence[float],
    seed: int = 0,
) -> torch.Tensor:
    """Masks of the highest scores that keep given shares of the energy.

    Points of equal score, such as those that a method says nothing of, follow
    in random order. The last point is kept in part, so that the share is met
    exactly.

    Arguments
    ---------
    scores : torch.Tensor [shape=(T, F)]
        A mask or an attribution; higher is kept first.
    power : torch.Tensor [shape=(T, F)]
        Energy of each point, ``|STFT|^2``.
    shares : Sequence[float] [length=S]
        Shares of the energy to keep, in [0, 1].
    seed : int
        Of the order of equal scores.

    Returns
    -------
    torch.Tensor [shape=(S, T, F), dtype=float32]
        Gains of the amplitude in [0, 1].

    Raises
    ------
    ValueError
        If a share is outside [0, 1], or there is no energy to share.

    Example
    -------
    >>> scores = torch.tensor([[3.0, 1.0, 2.0]])
    >>> power = torch.tensor([[1.0, 1.0, 2.0]])
    >>> retention_masks(scores, power, [0.25, 0.375])
    tensor([[[1.0000, 0.0000, 0.0000]],
    <BLANKLINE>
            [[1.0000, 0.0000, 0.5000]]])
    """
    if not all(0.0 <= share <= 1.0 for share in shares):
        raise ValueError(f"expected `shares` in [0, 1], got {list(shares)}")
    total = power.double().sum()
    if not total > 0:
        raise ValueError("expected `power` with energy, got none")
    order = _ranking(scores.flatten(), seed)
    ranked = power.flatten()[order].double()
    before = ranked.cumsum(0) - ranked
    wanted = torch.tensor(list(shares)).double().to(total) * total
    room = (wanted[:, None] - before).clamp(min=0)
    # A point without energy is kept while there is room for others.
    filled = torch.where(ranked > 0, room / ranked, (room > 0).double())
    masks = torch.empty_like(filled)
    masks[:, order] = filled.clamp(max=1.0).sqrt()
    return masks.reshape(-1, *scores.shape).float()


def _ranking(scores: torch.Tensor, seed: int) -> torch.Tensor:
    """Indices from the highest score to the lowest, equal ones at random."""
    generator = torch.Generator().manual_seed(seed)
    shuffle = torch.randperm(len(scores), generator=generator)
    shuffle = shuffle.to(scores.device)
    ranks = scores[shuffle].argsort(descending=True, stable=True)
    return shuffle[ranks]


EPSILON = 1e-10
TINY = 1e-20  # energy of what cannot be told from a rounding


def si_sdr(estimate: np.ndarray, target: np.ndarray) -> float | None:
    """Scale-invariant signal-to-distortion ratio.

    With ``a = <e, s> / <s, s>`` it is ``10 log10(|a s|^2 / |a s - e|^2)`` (Le
    Roux et al., "SDR - half-baked or well done?", 2019, equation 4). Means
    are kept, as the source does not remove them.

    Arguments
    ---------
    estimate : np.ndarray [shape=(N,)]
        The estimate e.
    target : np.ndarray [shape=(N,)]
        The true source s.

    Returns
    -------
    float or None
        Decibels; infinite for a perfect estimate, None where the estimate
        holds nothing of the source, or the source is silent.

    Example
    -------
    >>> target = np.array([1.0, 0.0, 1.0, 0.0])
    >>> si_sdr(3 * target + np.array([0.0, 3.0, 0.0, 3.0]), target)
    0.0
    """
    e, s = estimate.astype(np.float64), target.astype(np.float64)
    heard = float(e @ s) / max(float(s @ s), TINY) * s
    if np.square(heard).sum() < TINY:
        return None
    with np.errstate(divide="ignore"):
        power = np.square(heard).sum() / np.square(heard - e).sum()
        return float(10 * np.log10(power))


def oracle_mask(
    target: np.ndarray, others: np.ndarray, n_fft: int = 512
) -> torch.Tensor:
    """Ideal ratio mask of a source, from the clean sources.

    ``|S|^2 / (|S|^2 + |N|^2)``, the mask that a soft mask can at best hope to
    be. A bound, not a rival: no method sees the sources.

    Arguments
    ---------
    target : np.ndarray [shape=(N,), dtype=float32]
        The source S, mono at 16 kHz.
    others : np.ndarray [shape=(N,), dtype=float32]
        All that sounds beside it, N.
    n_fft : int
        Of the grid of the mask.

    Returns
    -------
    torch.Tensor [shape=(T, F)]
        Values in [0, 1]; 0 in silence.

    Example
    -------
    >>> tone = np.sin(np.arange(1600, dtype=np.float32))
    >>> mask = oracle_mask(tone, tone)
    >>> round(mask[1, 82].item(), 3)  # at 1 / 2 pi of the sample rate
    0.5
    """
    both = torch.from_numpy(np.stack([target, others]))
    power, rest = LogPowerSpectrogram(n_fft)(both).expm1()
    return power / (power + rest + EPSILON)


SHARES = (0.1, 0.2, 0.4, 0.6)  # of the energy of a passage
EQUAL = ("energy", "points")
"""What masks may retain equal shares of."""
OWN = "own"
"""In place of a share: the mask as it is."""
AREAS = ("insertion", "deletion")
"""Names of the areas under the curves."""
JUDGED = ("AD", "FF", *AREAS)
"""Measures that a verdict is passed on."""
ONES = "all ones"
"""Name of the mask that keeps all."""
ZEROS = "all zeros"
"""Name of the mask that keeps nothing."""


@dataclass(frozen=True, eq=False)
class Passage:
    """A passage in which a model marks a class.

    Arguments
    ---------
    recording : str
        What the passage is of; recordings are the unit of the bootstrap.
    class_name : str
        One of the classes of the model.
    audio : np.ndarray [shape=(N,), dtype=float32]
        As long as a window of the model; mono, 16 kHz; not silent.
    spectrogram : torch.Tensor [shape=(T, F)]
        ``log(1 + |STFT|^2)``.
    p : torch.Tensor [shape=(T, C)]
        The model's probabilities.
    frames : torch.Tensor [shape=(T,), dtype=bool]
        Frames where it marks the class, inside annotated time.
    """

    recording: str
    class_name: str
    audio: np.ndarray
    spectrogram: torch.Tensor
    p: torch.Tensor
    frames: torch.Tensor


class Comparison:
    """Faithfulness of candidates to one model, recording by recording.

    Arguments
    ---------
    predict : callable
        The model that is explained: audio [B, N] to probabilities [B, T, C].
    thresholds : Mapping[str, float or None]
        For each class of the model, the lowest probability that it counts as
        found from; None: it is never found.
    shares : Sequence[float]
        What is retained, rising between 0 and 1.
    equal : str
        ``energy`` or ``points``: what the shares are shares of.
    """

    def __init__(
        self,
        predict: Predictor,
        thresholds: Mapping[str, float | None],
        shares: Sequence[float] = SHARES,
        equal: str = "energy",
    ):
        if equal not in EQUAL:
            raise ValueError(f"expected `equal` among {EQUAL}, got '{equal}'")
        self.equal = equal
        self.predict = predict
        self.thresholds = thresholds
        self.shares = tuple(shares)
        self.weights = area_weights([0.0, *self.shares, 1.0])
        # candidate -> share or OWN -> recording
        self.stats: dict[
            str, dict[float | str, dict[str, FaithfulnessStats]]
        ] = {}

    def add_ranking(
        self, name: str, passage: Passage, scores: torch.Tensor
    ) -> None:
        """Add a candidate at each retained energy.

        Arguments
        ---------
        name : str
            The candidate.
        passage : Passage
            Where it ranks points.
        scores : torch.Tensor [shape=(T, F)]
            Higher counts more.
        """
        X = passage.spectrogram
        size = X.expm1() if self.equal == "energy" else torch.ones_like(X)
        masks = retention_masks(scores, size, self.shares)
        self._add(name, passage, masks, self.shares, scores)

    def add_mask(self, name: str, passage: Passage, mask: torch.Tensor) -> None:
        """Add the mask of a candidate as it is, whatever energy it keeps.

        Arguments
        ---------
        name : str
            The candidate.
        passage : Passage
            What the mask is for.
        mask : torch.Tensor [shape=(T, F)]
            Values in [0, 1].
        """
        self._add(name, passage, mask[None], (OWN,), mask)

    def add_anchors(self, passage: Passage) -> None:
        """Add the masks that keep all and nothing."""
        ones = torch.ones_like(passage.spectrogram)
        self.add_mask(ONES, passage, ones)
        self.add_mask(ZEROS, passage, torch.zeros_like(ones))

    def _add(
        self,
        name: str,
        passage: Passage,
        masks: torch.Tensor,
        keys: Sequence[float | str],
        scores: torch.Tensor,
    ) -> None:
        """Let the model hear the parts of each mask, and count."""
        parts = reanalyse(passage.audio, masks, self.predict)
        for row, key in enumerate(keys):
            by_recording = self.stats.setdefault(name, {}).setdefault(key, {})
            stats = by_recording.setdefault(
                passage.recording, FaithfulnessStats(self.thresholds)
            )
            stats.update(
                passage.class_name,
                passage.frames,
                passage.p,
                parts.q_in[row],
                parts.q_out[row],
                scores,
                parts.energy[row] if parts.energy else None,
            )

    def pooled(self, name: str, key: float | str) -> FaithfulnessStats:
        """A candidate over all recordings.

        Arguments
        ---------
        name : str
            The candidate.
        key : float or str
            A share, or OWN.

        Returns
        -------
        FaithfulnessStats
        """
        total = FaithfulnessStats(self.thresholds)
        for stats in self.stats[name][key].values():
            total.merge(stats)
        return total

    def sums(
        self, name: str, key: float | str, measure: str
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """A measure of each recording, as sums and counts.

        Arguments
        ---------
        name : str
            The candidate.
        key : float or str
            A share, or OWN; of no account for an area.
        measure : str
            One of MEASURES or AREAS.

        Returns
        -------
        tuple[torch.Tensor, torch.Tensor] [shape=(R, C)]
            Recordings in the order of their names.
        """
        if measure in AREAS:
            return self._area(name, measure)
        stats = [s for _, s in sorted(self.stats[name][key].items())]
        row = list(MEASURES).index(measure)
        return (
            torch.stack([s.sums[row] for s in stats]),
            torch.stack([s.counts[row] for s in stats]),
        )

    def _area(
        self, name: str, measure: str
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Area under the curve of a candidate: a sum of its points."""
        part = "q_in" if measure == "insertion" else "q_out"
        whole, counts = self.sums(ONES, OWN, "q_in")
        silence, _ = self.sums(ZEROS, OWN, "q_in")
        points = [self.sums(name, share, part)[0] for share in self.shares]
        ends = (silence, whole) if part == "q_in" else (whole, silence)
        # Deleted are the points that an insertion would begin with.
        curve = torch.stack([ends[0], *points, ends[1]])
        return torch.tensordot(self.weights, curve, dims=1), counts

    def interval(
        self, name: str, key: float | str, measure: str
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Mean of a measure and its bootstrap interval over recordings.

        Arguments
        ---------
        name : str
            The candidate.
        key : float or str
            A share, or OWN; of no account for an area.
        measure : str
            One of MEASURES or AREAS.

        Returns
        -------
        tuple[torch.Tensor, torch.Tensor, torch.Tensor] [shape=(C,)]
            Mean, lower and upper end; NaN where no frame counts.
        """
        sums, counts = self.sums(name, key, measure)
        return (sums.sum(0) / counts.sum(0), *mean_interval(sums, counts))

    def verdict(
        self, ours: str, theirs: str, key: float | str, measure: str
    ) -> list[str | None]:
        """Whether a measure sets one candidate above another, by class.

        Arguments
        ---------
        ours : str
            A candidate.
        theirs : str
            The candidate it is compared with.
        key : float or str
            A share, or OWN; of no account for an area.
        measure : str
            One of JUDGED.

        Returns
        -------
        list[str or None] [length=C]
            ``better``, ``worse``, or ``untold`` where the interval of the
            paired difference holds zero; None where no frame counts.
        """
        mine, counts = self.sums(ours, key, measure)
        other, _ = self.sums(theirs, key, measure)
        lower_is_better = (
            measure == "deletion"
            if measure in AREAS
            else MEASURES[measure].lower_is_better
        )
        if lower_is_better:
            mine, other = other, mine
        low, high = difference_interval(mine, other, counts)
        return [
            None
            if not n
            else "better"
            if a > 0
            else "worse"
            if b < 0
            else "untold"
            for n, a, b in zip(counts.sum(0).tolist(), low, high)
        ]
