"""How an explanation by atoms ranks the points of a spectrogram."""

from collections.abc import Callable, Sequence

import torch

from explainable_seg.explanation.masks import (
    class_mask,
    class_masks,
    evidence_map,
)
from explainable_seg.frames import SAMPLE_RATE

BANDS_HZ: tuple[tuple[float, float], ...] = (
    (0.0, 100.0),
    (100.0, 1000.0),
    (1000.0, 4000.0),
    (4000.0, 8000.0),
)
"""Bands in which the place of an atom is told, in hertz."""

DEFAULT_TAU = 0.1
"""Share of the strongest relevance above which an atom is selected.

Measured on the segments of a second or more that two small students (K = 128)
found in 15 minutes of broadcast programmes; mean share of the positive
relevance kept, and median number of atoms that keep it:

====  ==========================  ===========================
tau   10 active atoms a frame     20 active atoms a frame
====  ==========================  ===========================
0.5   63 %, 2 atoms               54 %, 3 atoms
0.2   83 %, 4 atoms               78 %, 7 atoms
0.1   91 %, 5 atoms               87 %, 10 atoms
0.05  96 %, 8 atoms               94 %, 15 atoms
====  ==========================  ===========================

0.5 is the default of the authors' code, 0.2 that of L2I. With 0.1 about nine
tenths of the evidence are in the picture and in the sound, in few enough atoms
to look at each.
"""


def relevance_per_frame(H: torch.Tensor, theta_c: torch.Tensor) -> torch.Tensor:
    """What each atom adds to the logit of a class, frame by frame.

    Arguments
    ---------
    H : torch.Tensor [shape=(T, K)]
        Activations.
    theta_c : torch.Tensor [shape=(K,)]
        Row of the classifier for the class.

    Returns
    -------
    torch.Tensor [shape=(T, K)]
        ``Theta_ck h_tk``, in units of the logit.

    Example
    -------
    >>> H = torch.tensor([[1.0, 2.0], [3.0, 0.0]])
    >>> relevance_per_frame(H, torch.tensor([2.0, -1.0])).tolist()
    [[2.0, -2.0], [6.0, -0.0]]
    """
    return H * theta_c


def relevance(H: torch.Tensor, theta_c: torch.Tensor) -> torch.Tensor:
    """Relevance of each atom: its mean contribution over the frames.

    Computed in float64, so that its sum agrees with the mean logit over hours
    of frames.

    Arguments
    ---------
    H : torch.Tensor [shape=(T, K)]
        Activations of the frames that are explained; T >= 1.
    theta_c : torch.Tensor [shape=(K,)]
        Row of the classifier for the class.

    Returns
    -------
    torch.Tensor [shape=(K,), dtype=float64]
        ``z_k Theta_ck``, in units of the logit.

    Example
    -------
    >>> H = torch.tensor([[1.0, 2.0], [3.0, 0.0]])
    >>> relevance(H, torch.tensor([2.0, -1.0])).tolist()
    [4.0, -1.0]
    """
    return H.double().mean(dim=0) * theta_c.double()


def segment_relevance(
    H: torch.Tensor,
    theta: torch.Tensor,
    segments: Sequence[tuple[int, int]],
) -> torch.Tensor:
    """Relevance of each atom for every class and segment, in one call.

    Arguments
    ---------
    H : torch.Tensor [shape=(T, K)]
        Activations of a recording.
    theta : torch.Tensor [shape=(C, K)]
        The classifier.
    segments : Sequence[tuple[int, int]] [length=S]
        First frame and one past the last of each segment, not empty.

    Returns
    -------
    torch.Tensor [shape=(S, C, K), dtype=float64]

    Raises
    ------
    ValueError
        If a segment holds no frame of the recording.

    Example
    -------
    >>> H = torch.tensor([[1.0], [3.0], [5.0]])
    >>> theta = torch.tensor([[2.0], [-1.0]])
    >>> segment_relevance(H, theta, [(0, 2), (2, 3)]).flatten().tolist()
    [4.0, -2.0, 10.0, -5.0]
    """
    z = segment_means(H, segments)
    return torch.einsum("sk,ck->sck", z, theta.double())


def select_atoms(r: torch.Tensor, tau: float = DEFAULT_TAU) -> torch.Tensor:
    """Atoms that carry the decision: the paper's ``R_tau``.

    As in the authors' code and in L2I (arXiv 2202.11479), relevances are
    divided by the largest one before they are compared with tau. Where no
    atom speaks for the class, none is selected.

    Arguments
    ---------
    r : torch.Tensor [shape=(K,)]
        Relevances.
    tau : float
        Threshold in [0, 1).

    Returns
    -------
    torch.Tensor [shape=(K,), dtype=bool]

    Raises
    ------
    ValueError
        If tau is outside [0, 1).

    Example
    -------
    >>> select_atoms(torch.tensor([4.0, 1.0, -3.0]), tau=0.2).tolist()
    [True, True, False]
    """
    if not 0.0 <= tau < 1.0:
        raise ValueError(f"expected `tau` in [0, 1), got {tau}")
    strongest = r.max()
    if strongest <= 0:
        return torch.zeros_like(r, dtype=torch.bool)
    return r / strongest > tau


def default_selection(
    r: torch.Tensor, z: torch.Tensor, own_c: torch.Tensor | None = None
) -> torch.Tensor:
    """Atoms that are shown and heard where nobody asks for others.

    Where a class has atoms of its own, these: all that sound. Else the
    paper's choice, :func:`select_atoms`.

    Arguments
    ---------
    r : torch.Tensor [shape=(K,)]
        Relevances for the class.
    z : torch.Tensor [shape=(K,)]
        Mean activations, zero or more.
    own_c : torch.Tensor [shape=(K,), dtype=bool], optional
        The class's own atoms; None where all classes share all atoms.

    Returns
    -------
    torch.Tensor [shape=(K,), dtype=bool]
        None selected where no own atom sounds, or, of shared ones, where none
        speaks for the class.

    Example
    -------
    >>> r, z = torch.tensor([4.0, -1.0, 3.0]), torch.tensor([2.0, 1.0, 3.0])
    >>> own = torch.tensor([True, True, False])
    >>> default_selection(r, z, own).tolist()
    [True, True, False]
    >>> default_selection(r, z).tolist()
    [True, False, True]
    """
    if own_c is None:
        return select_atoms(r)
    # Own atoms that speak against the class sound too: training fits the mask
    # of all own atoms to the source, and one without them is another mask.
    return own_c & (z > 0)


def bin_hz(n_bins: int) -> torch.Tensor:
    """Centre frequency of each bin of the spectrogram, in hertz.

    Arguments
    ---------
    n_bins : int
        Number of bins F, from 0 Hz to half the sample rate.

    Returns
    -------
    torch.Tensor [shape=(F,)]

    Example
    -------
    >>> bin_hz(5).tolist()
    [0.0, 2000.0, 4000.0, 6000.0, 8000.0]
    """
    return torch.linspace(0.0, SAMPLE_RATE / 2, n_bins)


def peak_hz(W: torch.Tensor) -> torch.Tensor:
    """Frequency at which each atom is strongest, in hertz.

    Arguments
    ---------
    W : torch.Tensor [shape=(F, K)]
        Dictionary.

    Returns
    -------
    torch.Tensor [shape=(K,)]
        NaN for an atom that is zero everywhere.

    Example
    -------
    >>> peak_hz(torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.5, 0.0]])).tolist()
    [4000.0, nan]
    """
    peaks = bin_hz(len(W)).to(W)[W.argmax(dim=0)]
    return torch.where(W.amax(dim=0) > 0, peaks, torch.nan)


def relevance_spectrum(r: torch.Tensor, W: torch.Tensor) -> torch.Tensor:
    """Positive relevance laid out over the frequencies of its atoms.

    Each atom spreads its positive relevance over the bins in proportion to its
    spectrum, so the result sums to the positive relevance of all atoms that
    are not zero everywhere.

    Arguments
    ---------
    r : torch.Tensor [shape=(K,)]
        Relevances.
    W : torch.Tensor [shape=(F, K)]
        Dictionary.

    Returns
    -------
    torch.Tensor [shape=(F,), dtype=float64]

    Example
    -------
    >>> W = torch.tensor([[1.0, 0.0], [1.0, 5.0]])
    >>> relevance_spectrum(torch.tensor([2.0, 3.0]), W).tolist()
    [1.0, 4.0]
    """
    spectra = W.double()
    totals = spectra.sum(dim=0, keepdim=True)
    shapes = torch.where(totals > 0, spectra / totals, 0.0)
    return shapes @ r.double().clamp(min=0)


def band_shares(
    spectrum: torch.Tensor,
    bands: tuple[tuple[float, float], ...] = BANDS_HZ,
) -> list[float] | None:
    """Share of a spectrum that lies in each band.

    For the evidence, pass :func:`relevance_spectrum`; to compare it with the
    sound itself, pass the mean over time of the spectrogram.

    Arguments
    ---------
    spectrum : torch.Tensor [shape=(F,)]
        Non-negative values from 0 Hz to half the sample rate.
    bands : tuple[tuple[float, float], ...]
        Bands in hertz. A bin belongs to the band ``[low, high)`` that holds
        its centre; the last bin belongs to the band that ends on it.

    Returns
    -------
    list[float] or None
        One share a band; None where the spectrum is zero.

    Example
    -------
    >>> band_shares(torch.tensor([1.0, 0.0, 1.0]), ((0, 4000), (4000, 8000)))
    [0.5, 0.5]
    """
    total = spectrum.double().sum()
    if total <= 0:
        return None
    masks = band_masks(len(spectrum), bands).to(spectrum.device)
    shares = masks.double() @ spectrum.double() / total
    return shares.tolist()


def band_masks(
    n_bins: int, bands: tuple[tuple[float, float], ...] = BANDS_HZ
) -> torch.Tensor:
    """Which bins of the spectrogram each band holds.

    Arguments
    ---------
    n_bins : int
        Number of bins F, from 0 Hz to half the sample rate.
    bands : tuple[tuple[float, float], ...]
        As for :func:`band_shares`.

    Returns
    -------
    torch.Tensor [shape=(B, F), dtype=bool]

    Example
    -------
    >>> band_masks(3, ((0, 4000), (4000, 8000))).tolist()
    [[True, False, False], [False, True, True]]
    """
    hz = bin_hz(n_bins)
    return torch.stack(
        [
            (hz >= low) & ((hz < high) | (high == hz[-1]) & (hz == high))
            for low, high in bands
        ]
    )


Selector = Callable[[torch.Tensor], torch.Tensor]
"""Maps relevances [K] to a mask [K] of the atoms to keep."""


def select_share(r: torch.Tensor, share: float = 0.9) -> torch.Tensor:
    """Fewest atoms that carry a share of the positive relevance.

    Arguments
    ---------
    r : torch.Tensor [shape=(K,)]
        Relevances.
    share : float
        In (0, 1].

    Returns
    -------
    torch.Tensor [shape=(K,), dtype=bool]
        None selected where no atom speaks for the class.

    Raises
    ------
    ValueError
        If the share is outside (0, 1].

    Example
    -------
    >>> select_share(torch.tensor([1.0, 6.0, 3.0, -2.0]), 0.9).tolist()
    [False, True, True, False]
    """
    if not 0.0 < share <= 1.0:
        raise ValueError(f"expected `share` in (0, 1], got {share}")
    positive = r.double().clamp(min=0)
    ranked, order = positive.sort(descending=True)
    carried = ranked.cumsum(0)
    # A rounding must not ask for one atom more than the share does.
    enough = share * carried[-1] * (1 - 1e-9)
    needed = (carried - ranked < enough) & (ranked > 0)
    selected = torch.zeros_like(r, dtype=torch.bool)
    selected[order[needed]] = True
    return selected


def select_top(r: torch.Tensor, n: int = 5) -> torch.Tensor:
    """The n atoms that speak loudest for the class.

    Arguments
    ---------
    r : torch.Tensor [shape=(K,)]
        Relevances.
    n : int
        At least 1; fewer are selected where fewer speak for the class.

    Returns
    -------
    torch.Tensor [shape=(K,), dtype=bool]

    Raises
    ------
    ValueError
        If n is below 1.

    Example
    -------
    >>> select_top(torch.tensor([1.0, 6.0, 3.0, -2.0]), 2).tolist()
    [False, True, True, False]
    """
    if n < 1:
        raise ValueError(f"expected `n` >= 1, got {n}")
    selected = torch.zeros_like(r, dtype=torch.bool)
    selected[r.topk(min(n, len(r))).indices] = True
    return selected & (r > 0)


def select_against(r: torch.Tensor, n: int = 5) -> torch.Tensor:
    """Why not: the n atoms that speak loudest against the class.

    Arguments
    ---------
    r : torch.Tensor [shape=(K,)]
        Relevances.
    n : int
        At least 1; fewer are selected where fewer speak against the class.

    Returns
    -------
    torch.Tensor [shape=(K,), dtype=bool]

    Example
    -------
    >>> select_against(torch.tensor([1.0, -6.0, 3.0, -2.0]), 1).tolist()
    [False, True, False, False]
    """
    return select_top(-r, n)


class SegmentMeans:
    """Means of the frames of each segment, from frames that are not held.

    Frames that never come count nothing. ``n_frames`` [S] holds how many of
    each segment have come.

    Arguments
    ---------
    segments : Sequence[tuple[int, int]] [length=S]
        First frame and one past the last of each segment; they may overlap.
    n_values : int
        Values a frame.

    Example
    -------
    >>> means = SegmentMeans([(0, 1), (1, 3)], n_values=1)
    >>> for part in torch.tensor([[1.0], [2.0], [6.0]]).split(2):
    ...     means.add(part)
    >>> means.means().tolist()
    [[1.0], [4.0]]
    """

    def __init__(self, segments: Sequence[tuple[int, int]], n_values: int):
        self.segments = segments
        self.sums = torch.zeros(len(segments), n_values, dtype=torch.float64)
        self.n_frames = torch.zeros(len(segments), dtype=torch.int64)
        self._end = 0  # frames that have come

    def add(self, values: torch.Tensor) -> None:
        """Add the frames that follow.

        Arguments
        ---------
        values : torch.Tensor [shape=(T, n_values)]
            Any number of frames.
        """
        start, self._end = self._end, self._end + len(values)
        for row, (first, last) in enumerate(self.segments):
            low, high = max(first, start), min(last, self._end)
            if low < high:
                inside = values[low - start : high - start]
                self.sums[row] += inside.double().sum(dim=0).cpu()
                self.n_frames[row] += high - low

    def means(self) -> torch.Tensor:
        """Mean of each segment.

        Returns
        -------
        torch.Tensor [shape=(S, n_values), dtype=float64]
            NaN for a segment of which no frame has come.
        """
        return self.sums / self.n_frames[:, None]


def segment_means(
    values: torch.Tensor, segments: Sequence[tuple[int, int]]
) -> torch.Tensor:
    """Mean of the frames of each segment, in float64.

    Arguments
    ---------
    values : torch.Tensor [shape=(T, n)]
        Values a frame, such as the activations of a recording.
    segments : Sequence[tuple[int, int]] [length=S]
        First frame and one past the last of each segment, not empty.

    Returns
    -------
    torch.Tensor [shape=(S, n), dtype=float64]

    Raises
    ------
    ValueError
        If a segment holds no frame of the recording.

    Example
    -------
    >>> H = torch.tensor([[1.0], [3.0], [5.0]])
    >>> segment_means(H, [(0, 2), (2, 3)]).tolist()
    [[2.0], [5.0]]
    """
    n_frames = len(values)
    if not all(0 <= first < last <= n_frames for first, last in segments):
        raise ValueError(
            f"expected `segments` inside 0 to {n_frames}, got {list(segments)}"
        )
    means = SegmentMeans(segments, values.shape[1])
    means.add(values)
    return means.means()


SELECTED = "selected atoms"
"""Name of the ranking by the atoms that are shown and heard."""

PAPER_ATOMS = "paper's atoms"
"""Name of the ranking by the paper's choice, where that is another one."""


def atom_rankings(
    H: torch.Tensor,
    W: torch.Tensor,
    theta_c: torch.Tensor,
    frames: torch.Tensor,
    own_c: torch.Tensor | None = None,
    sources: torch.Tensor | None = None,
) -> dict[str, torch.Tensor]:
    """Readings of the same activations and relevances.

    Arguments
    ---------
    H : torch.Tensor [shape=(T, K)]
        Activations of a passage.
    W : torch.Tensor [shape=(F, K)]
        Dictionary.
    theta_c : torch.Tensor [shape=(K,)]
        Row of the classifier for the class.
    frames : torch.Tensor [shape=(T,), dtype=bool]
        Frames that are explained, at least one.
    own_c : torch.Tensor [shape=(K,), dtype=bool], optional
        The class's own atoms, if it has any.
    sources : torch.Tensor, optional [shape=(S, K), dtype=bool]
        Which atoms are a source's, as for :func:`class_mask`.

    Returns
    -------
    dict[str, torch.Tensor] [shape=(T, F)]
        ``selected atoms``, the mask of the explanation that is shown and
        heard, of :func:`default_selection`; ``weighted atoms``, each atom of
        positive relevance in proportion to it; ``evidence``, the evidence of
        each frame itself. Where the class has own atoms, ``paper's atoms``,
        the mask of :func:`select_atoms`, as well.

    Example
    -------
    >>> rankings = atom_rankings(
    ...     torch.ones(1, 2),
    ...     torch.eye(2),
    ...     torch.tensor([2.0, 1.0]),
    ...     torch.tensor([True]),
    ... )
    >>> rankings["weighted atoms"].tolist()
    [[1.0, 0.5]]
    """
    r = relevance(H[frames], theta_c)
    positive = r.clamp(min=0)
    weights = positive / positive.max().clamp(min=1e-10)
    shown = default_selection(r, H[frames].mean(dim=0), own_c)
    rankings = {
        SELECTED: class_mask(H, W, shown, sources),
        "weighted atoms": class_masks(H, W, weights[None], sources)[0],
        "evidence": evidence_map(H, W, theta_c),
    }
    if own_c is not None:
        rankings[PAPER_ATOMS] = class_mask(H, W, select_atoms(r), sources)
    return rankings
