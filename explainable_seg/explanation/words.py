"""What an atom is: measured on its spectrum, and said in plain words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from explainable_seg.explanation.decomposition import StudentWeights
from explainable_seg.explanation.selection import band_masks, bin_hz
from explainable_seg.frames import FRAME_STEP

PLACES: dict[str, tuple[float, float]] = {
    "bass": (0.0, 150.0),
    "low": (150.0, 1000.0),
    "mid": (1000.0, 4000.0),
    "high": (4000.0, 8000.0),
}
"""Where the energy of an atom may lie, in hertz."""

TINY = np.finfo(float).tiny  # in place of zero below a line
HELD = 0.8  # of the energy, between the borders of the band of an atom

# With a window of 25 ms a line is 160 Hz wide from zero to zero: lines closer
# than 100 Hz run into each other. Above 500 Hz an atom has so few lines that
# regular distances between them are chance.
FUNDAMENTALS_HZ = np.geomspace(100.0, 500.0, 162)  # 1 % apart
NEARBY = 6  # steps of the list above
FAINTEST_LINE = 0.1  # of the strongest value of the atom
LEAST_FILLED = 0.6  # multiples from the first line to the last
STRONGEST_LINE = 0.6  # at least: the peak is one of the lines
LEAST_CONTRAST = 0.6  # between lines and the middles between them
LEAST_LINES = 1.4  # that share the energy; one alone is a tone

BASS_HZ = 250.0  # highest border of a bass, whose peak lies in that place
TONE_HZ = 200.0  # widest band of a single line
HUMP_HZ = 800.0  # widest band that has a middle to speak of
LEAST_FLATNESS = 0.8  # within the band, of a hiss or a rush
HISS_HZ = 2000.0  # lowest middle of the band of a hiss


@dataclass(frozen=True)
class AtomWords:
    """What one atom is, measured on its spectrum alone.

    All that is measured is None for an atom that is zero everywhere. Energy is
    the square of the atom's values, as in the error that the dictionary was
    fitted by.

    Arguments
    ---------
    owner : str or None
        Class whose own it is; None where all classes share it.
    sound : str
        What it sounds like, such as ``a tone around 440 Hz``.
    peak_hz : float or None
        Frequency where it is strongest, hertz.
    band_hz : tuple[float, float] or None
        Lowest and highest bin of the narrowest band around the peak that holds
        80 % of the energy, hertz.
    fundamental_hz : float or None
        Fundamental of its harmonics, hertz; None where no regular lines from
        100 to 500 Hz apart were found.
    contrast : float or None
        Of these lines against the middles between them, 1 at most; None
        without lines.
    flatness : float or None
        Geometric by arithmetic mean of its values within the band, from 0 to 1.
    shares : dict[str, float] or None
        Share of the energy in each of :data:`PLACES`.
    """

    owner: str | None
    sound: str
    peak_hz: float | None = None
    band_hz: tuple[float, float] | None = None
    fundamental_hz: float | None = None
    contrast: float | None = None
    flatness: float | None = None
    shares: dict[str, float] | None = None

    @property
    def words(self) -> str:
        """What it sounds like and whose it is.

        Example
        -------
        >>> AtomWords("music", "a tone around 440 Hz").words
        'music: a tone around 440 Hz'
        """
        if self.owner is None or self.sound.startswith("a voice"):
            return self.sound
        return f"{self.owner}: {self.sound}"

    @property
    def evidence(self) -> str:
        """The figures behind the words, in one sentence."""
        if self.peak_hz is None or not (self.band_hz and self.shares):
            return "This atom is zero at all frequencies."
        place, share = max(self.shares.items(), key=lambda item: item[1])
        lines = "no regular harmonics"
        if self.fundamental_hz is not None:
            lines = (
                f"harmonics of {_whole(self.fundamental_hz)} Hz "
                f"(contrast {self.contrast:.2f})"
            )
        low, high = map(_whole, self.band_hz)
        border, end = map(_whole, PLACES[place])
        return (
            f"Strongest at {_whole(self.peak_hz)} Hz; "
            f"{_whole(100 * HELD)} % of its energy from {low} to {high} Hz, "
            f"flatness {self.flatness:.2f} there; {lines}; "
            f"{_whole(100 * share)} % is {place}, from {border} to {end} Hz."
        )


def describe_atoms(weights: StudentWeights) -> list[AtomWords]:
    """Say of each atom of a student what it is.

    Arguments
    ---------
    weights : StudentWeights
        The student's dictionary, and whose each atom is.

    Returns
    -------
    list[AtomWords] [length=K]

    Example
    -------
    >>> W = torch.zeros(257, 2)
    >>> W[14, 0] = 1.0  # of 31.25 Hz each
    >>> weights = StudentWeights(W, torch.zeros(4, 2), torch.zeros(4))
    >>> [atom.words for atom in describe_atoms(weights)]
    ['a tone around 440 Hz', 'silent, zero at all frequencies']
    """
    W = weights.dictionary.double().numpy()
    hz = bin_hz(len(W)).double().numpy()
    in_place = band_masks(len(W), tuple(PLACES.values())).double().numpy()
    fundamentals, contrasts = _fundamentals(W, hz)
    return [
        _describe(w, hz, in_place, owner, f0, contrast)
        for w, owner, f0, contrast in zip(
            W.T, weights.owners, fundamentals, contrasts
        )
    ]


def _describe(
    w: np.ndarray,
    hz: np.ndarray,
    in_place: np.ndarray,
    owner: str | None,
    f0: float,
    contrast: float,
) -> AtomWords:
    """One atom; f0 is NaN without harmonics."""
    top = w.max()
    if top <= 0:
        return AtomWords(owner, "silent, zero at all frequencies")
    w = w / top
    energy = w**2 / (w**2).sum()
    first, last = _band(energy)
    band = float(hz[first]), float(hz[last])
    inside = np.maximum(w[first : last + 1], 1e-3)  # zeros have no logarithm
    flatness = float(np.exp(np.log(inside).mean()) / inside.mean())
    peak = float(hz[w.argmax()])
    found = None if np.isnan(f0) else float(f0)
    return AtomWords(
        owner=owner,
        sound=_sound(owner, peak, band, found, flatness),
        peak_hz=peak,
        band_hz=band,
        fundamental_hz=found,
        contrast=None if found is None else float(contrast),
        flatness=flatness,
        shares=dict(zip(PLACES, (in_place @ energy).tolist())),
    )


def _band(energy: np.ndarray) -> tuple[int, int]:
    """First and last bin of the narrowest band around the peak with HELD."""
    peak = int(energy.argmax())
    sums = np.append(0.0, energy.cumsum())
    wanted = HELD * sums[-1] * (1 - 1e-9)  # rounding asks for no more
    firsts = np.arange(peak + 1)
    lasts = np.searchsorted(sums, sums[firsts] + wanted) - 1
    lasts = np.maximum(lasts, peak)
    widths = np.where(lasts < len(energy), lasts - firsts, len(energy))
    best = int(widths.argmin())
    return best, int(lasts[best])


def _fundamentals(
    W: np.ndarray, hz: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Fundamental and contrast of the harmonics of each atom, NaN for none.

    Of all fundamentals the one wins whose multiples stand out most from the
    middles between them: the sum, by the root of their number. Twice the true
    one has lines in the middles, and half of it has multiples without a line.
    Near the winner the sum over all multiples tells more exactly.
    """
    found = [_lines(W, hz, f0) for f0 in FUNDAMENTALS_HZ]
    scores, sums, contrasts = (np.stack(values) for values in zip(*found))
    winners = scores.argmax(axis=0)
    steps = np.arange(len(scores))[:, None]
    sums[abs(steps - winners) > NEARBY] = -np.inf
    none = scores.max(axis=0) <= 0
    f0s = np.where(none, np.nan, FUNDAMENTALS_HZ[sums.argmax(axis=0)])
    return f0s, contrasts[winners, np.arange(W.shape[1])]


def _lines(
    W: np.ndarray, hz: np.ndarray, f0: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Score of a fundamental, sum over its multiples, and contrast."""
    n = max(int(hz[-1] / f0 - 0.5), 1)
    on = _values(W, np.arange(1, n + 1) * f0, hz)
    middles = _values(W, (np.arange(n + 1) + 0.5) * f0, hz)
    between = (middles[:-1] + middles[1:]) / 2
    all_multiples = (on - between).sum(axis=0)
    top = W.max(axis=0)
    there = (on >= FAINTEST_LINE * top) & (on > 0)
    after = np.logical_or.accumulate(there)
    before = np.logical_or.accumulate(there[::-1])[::-1]
    spanned = after & before  # from the first line to the last
    on, between = on * spanned, between * spanned
    # Without any line all of these are 0, and no fundamental is found.
    ripple = (on - between).sum(axis=0)
    contrast = ripple / np.maximum((on + between).sum(axis=0), TINY)
    heights = (on / np.maximum(top, TINY)) ** 2
    squares = np.maximum((heights**2).sum(axis=0), TINY)
    score = ripple / np.sqrt(np.maximum(spanned.sum(axis=0), 1))
    regular = (
        (contrast >= LEAST_CONTRAST)
        & (heights.sum(axis=0) ** 2 / squares >= LEAST_LINES)
        & (on.max(axis=0) >= STRONGEST_LINE * top)
        & (there.sum(axis=0) >= LEAST_FILLED * spanned.sum(axis=0))
    )
    return np.where(regular, score, 0.0), all_multiples, contrast


def _values(W: np.ndarray, at_hz: np.ndarray, hz: np.ndarray) -> np.ndarray:
    """Values of the atoms between bins, on straight lines."""
    place = at_hz / hz[1]
    lower = np.minimum(place.astype(int), len(hz) - 2)
    share = (place - lower)[:, None]
    return W[lower] * (1 - share) + W[lower + 1] * share


def _sound(
    owner: str | None,
    peak: float,
    band: tuple[float, float],
    f0: float | None,
    flatness: float,
) -> str:
    """What an atom of these measures sounds like."""
    low, high = band
    if f0 is not None:
        if owner == "speech":
            return f"a voice's hum around {_hz(f0)}"
        kind = "a note" if owner == "music" else "a hum"
        return f"{kind} around {_hz(f0)} with overtones"
    if peak < PLACES["bass"][1] and high <= BASS_HZ:
        return f"a bass below {_hz(high)}"
    if high - low <= TONE_HZ:
        return f"a tone around {_hz(peak)}"
    if high - low <= HUMP_HZ:
        return f"a band {_range(low, high)}"
    if flatness < LEAST_FLATNESS:
        return f"a mixed sound {_range(low, high)}"
    kind = "a hiss" if low + high >= 2 * HISS_HZ else "a rush"
    return f"{kind} {_range(low, high)}"


def _hz(hz: float) -> str:
    """A frequency as one says "around": to 10 Hz, or to 0.1 kHz."""
    return " ".join(_parts(hz))


def _parts(hz: float) -> tuple[str, str]:
    """Figure and unit."""
    if hz < 995:
        return f"{10 * _whole(hz / 10)}", "Hz"
    return f"{_whole(hz / 100) / 10:g}", "kHz"


def _whole(value: float) -> int:
    """A positive number rounded as the page does it: halves upwards."""
    return int(value + 0.5)


def _range(low: float, high: float) -> str:
    """From where to where, the unit once where it is the same."""
    (first, unit), (last, other) = _parts(low), _parts(high)
    return (
        f"from {first}{'' if unit == other else ' ' + unit} to {last} {other}"
    )


BURST_SECONDS = 0.06  # a sounding that is shorter is a burst
LONGEST_RUN = 50  # frames; the median of longer ones is given as this


class AtomTimes:
    """When the atoms sound in a data set, and what is heard then.

    Arguments
    ---------
    classes : Sequence[str]
        Names of the C classes.
    n_atoms : int
        Number of atoms K.

    Example
    -------
    >>> times = AtomTimes(("speech",), n_atoms=1)
    >>> H = torch.tensor([[0.0], [2.0], [1.0], [0.0]])
    >>> times.add(H, np.array([[0], [1], [0], [-1]]))
    >>> times.end()
    >>> times.of(0)["sounds"], times.of(0)["median_seconds"]
    (0.5, 0.04)
    >>> times.of(0)["course"], times.of(0)["heard"]
    ('short bursts', {'speech': 0.5})
    """

    def __init__(self, classes: Sequence[str], n_atoms: int):
        self.classes = tuple(classes)
        self.n_frames = 0
        self.sounding = np.zeros(n_atoms, dtype=np.int64)
        self.known = np.zeros((len(self.classes), n_atoms), dtype=np.int64)
        self.heard = np.zeros_like(self.known)
        self.runs = np.zeros((n_atoms, LONGEST_RUN + 1), dtype=np.int64)
        self._going = np.zeros(n_atoms, dtype=np.int64)  # frames up to now

    def add(self, H: torch.Tensor, heard: np.ndarray) -> None:
        """Add the frames that follow in a recording.

        Arguments
        ---------
        H : torch.Tensor [shape=(T, K)]
            Activations; an atom sounds where it is above zero.
        heard : np.ndarray [shape=(T, C)]
            1 where the class is heard, 0 where not, -1 where nobody knows.
        """
        active = (H > 0).cpu().numpy()
        self.n_frames += len(active)
        self.sounding += active.sum(axis=0)
        self.known += (heard >= 0).T.astype(np.int64) @ active
        self.heard += (heard == 1).T.astype(np.int64) @ active
        self._add_runs(active)

    def _add_runs(self, active: np.ndarray) -> None:
        """Count the runs that end here; hold the length of those that go on."""
        n_frames = len(active)
        if n_frames == 0:
            return
        padded = np.pad(active.T.astype(np.int8), ((0, 0), (1, 1)))
        edges = np.diff(padded, axis=1)
        atoms, starts = np.nonzero(edges == 1)
        ends = np.nonzero(edges == -1)[1]
        lengths = ends - starts + self._going[atoms] * (starts == 0)
        self._going[active[0]] = 0
        self.end()
        on = ends == n_frames
        self._count(atoms[~on], lengths[~on])
        self._going[atoms[on]] = lengths[on]

    def end(self) -> None:
        """End of a recording: no run goes on."""
        (atoms,) = self._going.nonzero()
        self._count(atoms, self._going[atoms])
        self._going[:] = 0

    def _count(self, atoms: np.ndarray, lengths: np.ndarray) -> None:
        """Count runs by their lengths."""
        np.add.at(self.runs, (atoms, np.minimum(lengths, LONGEST_RUN)), 1)

    def of(self, k: int) -> dict[str, Any]:
        """What was found of an atom.

        Arguments
        ---------
        k : int
            Its index.

        Returns
        -------
        dict
            ``sounds``, share of the time; ``median_seconds`` of a sounding, 1
            for all longer ones; ``course``, ``short bursts`` where that is
            below 60 ms, else ``steady``; ``heard``, for each class the share
            of the atom's time, where known, in which it is heard. None for
            what cannot be computed.
        """
        n_runs = self.runs[k].sum()
        seconds = None
        if n_runs:
            middle = np.searchsorted(self.runs[k].cumsum(), n_runs / 2)
            seconds = round(float(middle) * FRAME_STEP, 2)
        course = None
        if seconds is not None:
            bursts = seconds < BURST_SECONDS - FRAME_STEP / 2
            course = "short bursts" if bursts else "steady"
        return {
            "sounds": _share(self.sounding[k], self.n_frames),
            "median_seconds": seconds,
            "course": course,
            "heard": {
                name: _share(self.heard[c, k], self.known[c, k])
                for c, name in enumerate(self.classes)
            },
        }


def _share(part: int, whole: int) -> float | None:
    """A share for JSON; None of nothing."""
    return float(part / whole) if whole else None
