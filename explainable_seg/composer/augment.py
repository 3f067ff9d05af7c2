"""What may happen to a chunk each time it is drawn: level, tone, lines."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from explainable_seg.composer.acoustics import PEAK, Tone, transform
from explainable_seg.composer.channels import (
    CODECS,
    am_radio,
    coded,
    old_record,
)
from explainable_seg.composer.style import Range, ToneRange
from explainable_seg.errors import SettingsError
from explainable_seg.frames import SAMPLE_RATE


@dataclass(frozen=True)
class Augment:
    """Random level and tone; targets stay true.

    Arguments
    ---------
    gain_db : tuple[float, float]
        Usual range of the gain.
    rare_gain_db : tuple[float, float]
        Range of the gain of what is far too quiet or too loud.
    rare_probability : float
        How often these are; always, the usual levels would suffer.
    tone_probability : float
        How often the tone changes.
    tone : ToneRange
        Ranges of the tone.
    telephone_probability : float
        How often a chunk comes over a telephone, whatever its tone.
    telephone_low_hz, telephone_high_hz : tuple[float, float]
        Where its band begins and ends.
    click_probability : float
        How often a chunk has clicks, which are no event of any class.
    n_clicks : tuple[int, int]
        Least and most clicks.
    click_seconds : tuple[float, float]
        Shortest and longest click.
    codec_probability : dict[str, float]
        How often a chunk goes through each codec of :data:`CODECS`.
    radio_probability, radio_below_db : float, tuple[float, float]
        How often a chunk comes over medium waves, and how far their noise
        lies below it (dB).
    record_probability, record_below_db : float, tuple[float, float]
        How often a chunk comes from an old record, and how far hiss and
        crackle lie below it (dB).

    Example
    -------
    >>> audio = np.full(16000, 0.1, dtype=np.float32)
    >>> louder = Augment(
    ...     (6.0, 6.0),
    ...     rare_probability=0,
    ...     tone_probability=0,
    ...     telephone_probability=0,
    ...     click_probability=0,
    ... )
    >>> f"{louder(audio, np.random.default_rng(0)).max():.3f}"
    '0.200'
    """

    gain_db: Range = (-8.0, 8.0)
    rare_gain_db: Range = (-25.0, 12.0)
    rare_probability: float = 0.1
    tone_probability: float = 0.3
    tone: ToneRange = ToneRange()
    telephone_probability: float = 0.08
    telephone_low_hz: Range = (200.0, 400.0)
    telephone_high_hz: Range = (3000.0, 3600.0)
    click_probability: float = 0.05
    n_clicks: tuple[int, int] = (1, 20)
    click_seconds: Range = (0.001, 0.06)
    codec_probability: Mapping[str, float] = field(default_factory=dict)
    radio_probability: float = 0.0
    radio_below_db: Range = (15.0, 40.0)
    record_probability: float = 0.0
    record_below_db: Range = (15.0, 40.0)

    def __post_init__(self) -> None:
        """Refuse codecs that are not known."""
        unknown = sorted(self.codec_probability.keys() - CODECS.keys())
        if unknown:
            raise SettingsError(
                f"expected codecs among {' '.join(CODECS)}, got "
                f"{' '.join(unknown)}, in codec_probability; correct it"
            )

    def __call__(
        self, audio: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Change a chunk.

        Arguments
        ---------
        audio : np.ndarray [shape=(N,), dtype=float32]
            Mono at 16 kHz.
        rng : np.random.Generator
            Source of randomness.

        Returns
        -------
        np.ndarray [shape=(N,), dtype=float32]
            A changed copy, at most 0.97 in amplitude.
        """
        rare = rng.random() < self.rare_probability
        gain_db = rng.uniform(*(self.rare_gain_db if rare else self.gain_db))
        audio = audio * np.float32(10 ** (gain_db / 20))
        if rng.random() < self.tone_probability:
            audio = transform(audio, tone=self.tone.draw(rng))
        if rng.random() < self.telephone_probability:
            audio = transform(audio, tone=self._telephone(rng))
        audio = within_peak(self._sent(within_peak(audio), rng))
        if rng.random() < self.click_probability:
            audio = self._clicked(audio, rng)
        return audio

    def _sent(self, audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A chunk from an old record, over the radio, through codecs."""
        # What never happens draws nothing: the rest stays as it is without.
        if 0 < self.record_probability > rng.random():
            below_db = rng.uniform(*self.record_below_db)
            audio = old_record(audio, below_db, rng)
        if 0 < self.radio_probability > rng.random():
            audio = am_radio(audio, rng.uniform(*self.radio_below_db), rng)
        for name, probability in self.codec_probability.items():
            if 0 < probability > rng.random():
                audio = coded(within_peak(audio), CODECS[name], rng)
        return audio

    def _clicked(
        self, audio: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Bursts of noise up to full scale at random places."""
        clicked = audio.copy()
        for _ in range(rng.integers(*self.n_clicks, endpoint=True)):
            n_samples = round(rng.uniform(*self.click_seconds) * SAMPLE_RATE)
            start = rng.integers(max(1, len(audio) - n_samples))
            place = clicked[start : start + n_samples]
            loudest = rng.uniform(0.1, 2.0)
            place += rng.uniform(-loudest, loudest, len(place))
        return np.clip(clicked, -PEAK, PEAK)

    def _telephone(self, rng: np.random.Generator) -> Tone:
        """The band of a telephone: steep, for nothing is sent beyond it."""
        return Tone(
            low_hz=rng.uniform(*self.telephone_low_hz),
            high_hz=rng.uniform(*self.telephone_high_hz),
            low_order=4,
            high_order=20,
        )


def within_peak(audio: np.ndarray) -> np.ndarray:
    """Audio turned down as a whole where it would exceed 0.97.

    Example
    -------
    >>> within_peak(np.array([0.5, -1.94])).tolist()
    [0.25, -0.97]
    """
    peak = float(np.abs(audio).max(initial=0.0))
    return audio * np.float32(PEAK / peak) if peak > PEAK else audio
