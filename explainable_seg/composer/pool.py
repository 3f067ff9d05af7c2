"""Clips in memory, ready to be drawn, and what is measured on them once."""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from explainable_seg.audio import (
    POWER_RATE,
    Excerpt,
    frame_powers,
    gated_level,
    load_audio,
)
from explainable_seg.composer.clips import Clip
from explainable_seg.errors import CorpusError
from explainable_seg.frames import SAMPLE_RATE, Span

AUDIBLE_DB = 45.0  # below the level of a sound, this much is silence


@dataclass(frozen=True)
class Sound:
    """A decoded sound and what is measured on it once.

    Arguments
    ---------
    samples : np.ndarray [shape=(N,), dtype=int16]
        Mono at 16 kHz.
    powers : np.ndarray [shape=(N // 160,), dtype=float32]
        Mean square of each 10 ms frame.
    level : float
        dB re full scale, pauses left out.
    extent : tuple[float, float]
        The sound without silence before and after, seconds.
    """

    samples: np.ndarray
    powers: np.ndarray
    level: float
    extent: Span


def decode(path: str, start: float, duration: float) -> Sound:
    """Read a stretch of an audio file as 16 bit mono at 16 kHz.

    Arguments
    ---------
    path : str
        Audio file of any format.
    start : float
        Seconds from the start of the file.
    duration : float
        Seconds; what the file lacks is left out.

    Returns
    -------
    Sound
        Samples, powers and extent.

    Raises
    ------
    AudioError
        If the file is missing or cannot be read.
    """
    audio = load_audio(path, Excerpt(start=start, end=start + duration))
    samples = np.rint(np.clip(audio, -1, 1) * 32767).astype(np.int16)
    powers = frame_powers(audio)
    return Sound(samples, powers, gated_level(powers), audible_extent(powers))


def audible_extent(powers: np.ndarray) -> Span:
    """From the first to the last frame within 45 dB of the level, in seconds.

    Arguments
    ---------
    powers : np.ndarray [shape=(T,)]
        Mean square of each 10 ms frame.

    Returns
    -------
    tuple[float, float]
        Start and end; both 0 for silence.

    Example
    -------
    >>> audible_extent(np.array([0.0, 0.1, 0.1, 1e-7]))
    (0.01, 0.03)
    """
    floor = 10 ** ((gated_level(powers) - AUDIBLE_DB) / 10)
    loud = np.flatnonzero((powers > floor) & (powers > 0))
    if len(loud) == 0:
        return 0.0, 0.0
    return float(loud[0] / POWER_RATE), float((loud[-1] + 1) / POWER_RATE)


SMOOTHED = 5  # frames of 10 ms over which a voice is followed
FLOOR_SHARE = 0.02  # of a clip's frames lie below its floor
ABOVE_FLOOR_DB = 6.0  # what is no further above the floor may be a pause
LEAST_PAUSE_DB = 22.0  # no pause of a noisy clip is nearer to its level
NEARBY = 200  # frames around one whose loudest are the voice there
SHORTEST_VOICE = 0.1  # seconds; what is shorter between pauses is a click
SOFTEST_DB = 10.0  # below the level of the clip a voice may be followed


def voiced_spans(
    powers: np.ndarray,
    spans: Sequence[Span],
    pause_db: float,
    shortest_pause: float,
) -> tuple[Span, ...]:
    """Spans of speech without the pauses inside them.

    A voice that becomes soft is followed to 10 dB below the clip's level. In a
    noisy clip the floor hides how far a voice falls; there a pause is what
    lies near the floor, if that is well below the voice.

    Arguments
    ---------
    powers : np.ndarray [shape=(T,)]
        Mean square of each 10 ms frame.
    spans : Sequence[tuple[float, float]]
        Where somebody speaks, pauses and all; sorted, seconds.
    pause_db : float
        What lies this far below the level around it is a pause.
    shortest_pause : float
        Seconds; shorter ones are part of what is said.

    Returns
    -------
    tuple[tuple[float, float], ...]
        Sorted disjoint spans inside the given ones; those where nothing is
        louder than a pause.

    Example
    -------
    >>> voice = np.repeat([0.1, 1e-7, 0.1], [100, 50, 100])
    >>> voiced_spans(voice, [(0.0, 2.5)], 28.0, 0.2)
    ((0.0, 1.02), (1.48, 2.5))
    """
    smooth = uniform_filter1d(powers.astype(np.float64), SMOOTHED)
    below = gated_level(powers) - 10 * np.log10(np.maximum(smooth, 1e-12))
    floor = np.quantile(below, 1 - FLOOR_SHARE) - ABOVE_FLOOR_DB
    softer = np.clip(-maximum_filter1d(-below, NEARBY), 0.0, SOFTEST_DB)
    quiet = below > np.minimum(pause_db + softer, max(floor, LEAST_PAUSE_DB))
    voiced: list[Span] = []
    for start, end in spans:
        first, last = round(start * POWER_RATE), round(end * POWER_RATE)
        edges = np.diff(quiet[first:last].astype(np.int8), prepend=0, append=0)
        now = start
        for begin, stop in zip(
            (first + np.flatnonzero(edges == 1)) / POWER_RATE,
            (first + np.flatnonzero(edges == -1)) / POWER_RATE,
        ):
            if stop - begin < shortest_pause - 1e-9:
                continue
            if begin > now:
                voiced.append((now, float(begin)))
            now = float(stop)
        if now < end:
            voiced.append((now, end))
    spoken = [(s, e) for s, e in voiced if e - s >= SHORTEST_VOICE - 1e-9]
    return tuple(spoken) or tuple(spans)


class ClipPool:
    """Clips in memory, as 16 bit mono at 16 kHz, ready to be drawn.

    A clip is decoded when it is first asked for and then kept. Call
    :meth:`preload` before data-loader workers fork, so that they share it.
    Groups are drawn with a probability that grows with the square root of
    their seconds: a long track is heard more often than a short one, yet no
    single speaker or track fills the programmes.

    Arguments
    ---------
    clips : Sequence[Clip]
        The clips; each label that is drawn needs at least one.
    """

    def __init__(self, clips: Sequence[Clip]):
        self.clips = list(clips)
        self._groups: dict[str, dict[str, list[Clip]]] = {}
        for clip in self.clips:
            for sort in clip.sorts():
                groups = self._groups.setdefault(sort, {})
                groups.setdefault(clip.group, []).append(clip)
        self._names = {k: list(v) for k, v in self._groups.items()}
        self._odds: dict[tuple[str, float], np.ndarray] = {}
        self._sounds: dict[tuple[str, float], Sound] = {}
        self._followed: dict[tuple[str, float, float, float], Clip] = {}

    def preload(self, threads: int = 2) -> None:
        """Decode every clip now.

        Arguments
        ---------
        threads : int
            How many decode at once.

        Raises
        ------
        AudioError
            If a clip cannot be read.
        """
        with ThreadPoolExecutor(threads) as executor:
            for _ in executor.map(self._sound, self.clips):
                pass

    def draw(
        self,
        rng: np.random.Generator,
        label: str,
        exclude_groups: Collection[str] = (),
        sung_factor: float = 1.0,
    ) -> Clip:
        """Draw a clip: a group first, then one of its clips.

        Arguments
        ---------
        rng : np.random.Generator
            Source of randomness.
        label : str
            ``speech``, ``music``, ``noise`` or a sort of clips, as
            ``a cappella``.
        exclude_groups : Collection[str]
            Groups that must not be drawn.
        sung_factor : float
            Of the odds of groups in which somebody sings.

        Returns
        -------
        Clip
            A clip of the pool.

        Raises
        ------
        CorpusError
            If the pool has no clip of the label outside those groups.
        """
        names = self._names.get(label, [])
        if all(name in exclude_groups for name in names):
            raise CorpusError(
                f"expected clips of {label} in more than "
                f"{len(exclude_groups)} groups, got {len(names)}, in the pool "
                "of clips; add clips"
            )
        odds = self._odds_of(label, sung_factor)
        while True:
            index = np.searchsorted(odds, rng.random())
            if names[index] not in exclude_groups:
                members = self._groups[label][names[index]]
                return members[int(rng.integers(len(members)))]

    def members(self, clip: Clip) -> list[Clip]:
        """All clips of the clip's label and group, itself among them."""
        return self._groups[clip.label][clip.group]

    def sorts(self) -> set[str]:
        """Labels and sorts of which the pool has clips."""
        return set(self._names)

    def following_voice(
        self, clip: Clip, pause_db: float, shortest_pause: float
    ) -> Clip:
        """The clip with spans that leave out the pauses inside them.

        Arguments
        ---------
        clip : Clip
            A clip of speech of the pool.
        pause_db : float
            What lies this far below the level of the clip is a pause.
        shortest_pause : float
            Seconds; shorter ones are part of what is said.

        Returns
        -------
        Clip
        """
        key = clip.path, clip.start, pause_db, shortest_pause
        if key not in self._followed:
            spans = voiced_spans(
                self._sound(clip).powers, clip.spans, pause_db, shortest_pause
            )
            self._followed[key] = replace(clip, spans=spans)
        return self._followed[key]

    def audio(
        self, clip: Clip, start_s: float, duration_s: float
    ) -> np.ndarray:
        """Samples of a clip; silence beyond its ends.

        Arguments
        ---------
        clip : Clip
            A clip of the pool.
        start_s : float
            Seconds from the start of the clip; may be negative.
        duration_s : float
            Seconds.

        Returns
        -------
        np.ndarray [shape=(N,), dtype=float32]
            Mono audio at 16 kHz in [-1, 1].
        """
        samples = self._sound(clip).samples
        first = round(start_s * SAMPLE_RATE)
        length = round(duration_s * SAMPLE_RATE)
        audio = np.zeros(length, dtype=np.float32)
        low, high = max(0, first), min(len(samples), first + length)
        if high > low:
            np.multiply(
                samples[low:high],
                np.float32(1 / 32768),
                out=audio[low - first : high - first],
            )
        return audio

    def extent(self, clip: Clip) -> Span:
        """The clip without its leading and trailing silence, seconds.

        Silence is more than 45 dB below the level of the clip.
        """
        return self._sound(clip).extent

    def level(self, clip: Clip) -> float:
        """Level of a clip, dB re full scale, pauses left out."""
        return self._sound(clip).level

    def level_between(self, clip: Clip, start_s: float, end_s: float) -> float:
        """Level of a stretch of a clip, pauses left out.

        Arguments
        ---------
        clip : Clip
            A clip of the pool.
        start_s, end_s : float
            Seconds from the start of the clip.

        Returns
        -------
        float
            dB re full scale.
        """
        powers = self._sound(clip).powers
        first = max(0, int(start_s * POWER_RATE))
        return gated_level(powers[first : int(end_s * POWER_RATE) + 1])

    def _odds_of(self, sort: str, sung_factor: float) -> np.ndarray:
        """Cumulated probabilities of the groups of a sort of clips."""
        if (sort, sung_factor) not in self._odds:
            seconds, factors = [], []
            for clips in self._groups[sort].values():
                seconds.append(sum(clip.duration for clip in clips))
                factors.append(sung_factor if clips[0].sung else 1.0)
            self._odds[sort, sung_factor] = _odds(seconds, factors)
        return self._odds[sort, sung_factor]

    def _sound(self, clip: Clip) -> Sound:
        """Decoded clip, from memory when it was asked for before."""
        key = clip.path, clip.start
        if key not in self._sounds:
            self._sounds[key] = decode(clip.path, clip.start, clip.duration)
        return self._sounds[key]


def _odds(seconds: Sequence[float], factors: Sequence[float]) -> np.ndarray:
    """Cumulated probabilities that grow with the square root of seconds."""
    weights = np.cumsum(np.sqrt(np.maximum(seconds, 1e-3)) * factors)
    return weights / weights[-1]
