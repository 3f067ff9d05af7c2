"""Voices by rule: utterances of the espeak-ng engine with their active spans.

A voice is a language, one of the engine's variants (which shape the vocal
tract), a rate, a pitch and a pitch range. No variant serves two voices, so
that voices kept apart by name are apart in timbre as well.
"""

from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, sosfilt

from explainable_seg.audio.level import POWER_RATE, frame_powers, gated_level
from explainable_seg.audio.resampling import resample
from explainable_seg.data.synthesis.engine import Espeak, in_fresh_process
from explainable_seg.data.synthesis.texts import draw_text
from explainable_seg.frames import SAMPLE_RATE, Span

SHORTEST, LONGEST = 2.0, 12.0  # seconds of an utterance
LEVEL_DB = -23.0  # dB re full scale of the speech, pauses left out
PEAK = 0.9  # highest sample of a clip
SILENCE_DB = -40.0  # below the level of the speech: a pause
SHORTEST_PAUSE = 0.3  # seconds; shorter pauses are speech
# The engine lets a little DC and rumble through, which no microphone would.
_RUMBLE_FILTER = butter(2, 60, "highpass", fs=SAMPLE_RATE, output="sos")


@dataclass(frozen=True)
class Voice:
    """A speaker.

    Arguments
    ---------
    language : str
        The engine's name of the language or accent, for instance ``es-419``.
    variant : str
        The engine's name of the variant, for instance ``f2``.
    rate : int
        Words a minute.
    pitch, pitch_range : int
        Height and liveliness, 0 to 99.
    """

    language: str
    variant: str
    rate: int
    pitch: int
    pitch_range: int

    @property
    def name(self) -> str:
        """Language and variant, as the engine wants them."""
        return f"{self.language}+{self.variant}"


@dataclass(frozen=True)
class Utterance:
    """What a voice said.

    Arguments
    ---------
    audio : np.ndarray [shape=(N,), dtype=float32]
        Mono audio at 16 kHz.
    spans : tuple[tuple[float, float], ...]
        Where the voice is active, seconds.
    """

    audio: np.ndarray
    spans: tuple[Span, ...]


FEMALE_VOICES: tuple[Voice, ...] = (
    Voice("en-us", "f1", 165, 50, 55),
    Voice("es", "f2", 170, 52, 45),
    Voice("fr", "f3", 160, 48, 50),
    Voice("de", "f4", 150, 55, 60),
    Voice("ca", "f5", 160, 50, 40),
    Voice("pt-br", "Alicia", 155, 40, 60),
    Voice("es-419", "Andrea", 160, 45, 50),
    Voice("en", "Annie", 150, 42, 55),
    Voice("nl", "aunty", 165, 55, 50),
    Voice("it", "belinda", 170, 45, 65),
    Voice("en-gb-x-rp", "linda", 160, 40, 45),
    Voice("de", "shelby", 170, 50, 50),
    Voice("fr-be", "steph", 155, 46, 60),
    Voice("pt", "grandma", 145, 45, 40),
)

MALE_VOICES: tuple[Voice, ...] = (
    Voice("en-us", "m1", 160, 50, 50),
    Voice("fr", "m2", 165, 45, 55),
    Voice("es", "m3", 175, 55, 50),
    Voice("de", "m4", 150, 45, 45),
    Voice("it", "m5", 170, 50, 60),
    Voice("pt", "m7", 155, 40, 55),
    Voice("nl", "m8", 160, 60, 60),
    Voice("ca", "Alex", 165, 50, 50),
    Voice("en", "Andy", 150, 55, 40),
    Voice("es-419", "Lee", 165, 45, 65),
    Voice("en-gb-scotland", "Michael", 160, 40, 60),
    Voice("de", "adam", 160, 60, 55),
    Voice("pt-br", "benjamin", 170, 55, 50),
    Voice("nl", "boris", 150, 42, 45),
    Voice("fr-ch", "sandro", 155, 52, 50),
    Voice("it", "victor", 160, 45, 50),
    Voice("ca", "robert", 155, 62, 65),
    Voice("en-us", "pablo", 165, 40, 45),
)


def speak(
    voice: Voice, seconds: float, rng: np.random.Generator
) -> list[Utterance]:
    """Utterances of one voice, each with another text.

    They are spoken in a process of their own, so that equal arguments give
    equal samples whatever was spoken before.

    Arguments
    ---------
    voice : Voice
        Who speaks.
    seconds : float
        Utterances are added while there are fewer seconds than this.
    rng : np.random.Generator
        Source of the texts and of small changes of rate and pitch.

    Returns
    -------
    list[Utterance]
        Each about 2 to 12 s, at least one.

    Raises
    ------
    ExplainableSegError
        If the engine is missing or fails.
    """
    return in_fresh_process(_speak_here, voice, seconds, rng)


def active_spans(
    audio: np.ndarray,
    silence_db: float = SILENCE_DB,
    shortest_pause: float = SHORTEST_PAUSE,
) -> tuple[Span, ...]:
    """Where a clean recording of one voice is active, from its energy.

    A frame of 10 ms is active when its power is above a threshold relative to
    the mean power of the frames that are not 10 dB below the overall mean.

    Arguments
    ---------
    audio : np.ndarray [shape=(N,)]
        Mono audio at 16 kHz without background.
    silence_db : float
        Threshold, dB re the level of the speech.
    shortest_pause : float
        Pauses below this many seconds belong to the speech.

    Returns
    -------
    tuple[tuple[float, float], ...]
        Sorted, disjoint spans in seconds; empty for silence.

    Example
    -------
    >>> tone = np.sin(np.arange(8000))
    >>> active_spans(np.concatenate([tone, np.zeros(8000), tone]))
    ((0.0, 0.5), (1.0, 1.5))
    """
    powers = frame_powers(audio)
    active = powers > 10 ** ((gated_level(powers) + silence_db) / 10)
    edges = np.flatnonzero(np.diff(active, prepend=False, append=False))
    spans: list[Span] = []
    for first, last in (edges.reshape(-1, 2) / POWER_RATE).tolist():
        if spans and first - spans[-1][1] < shortest_pause:
            first = spans.pop()[0]
        spans.append((first, last))
    return tuple(spans)


def _speak_here(
    voice: Voice, seconds: float, rng: np.random.Generator
) -> list[Utterance]:
    """Utterances of one voice from the engine of this process."""
    engine = Espeak()
    utterances: list[Utterance] = []
    spoken = 0.0
    while spoken < seconds or not utterances:
        utterance = _utter(engine, voice, rng)
        if utterance is not None:
            utterances.append(utterance)
            spoken += len(utterance.audio) / SAMPLE_RATE
    return utterances


def _utter(
    engine: Espeak, voice: Voice, rng: np.random.Generator
) -> Utterance | None:
    """One utterance; None when the text came out too short or too long."""
    rate = round(voice.rate * rng.uniform(0.92, 1.08))
    n_words = round(rng.uniform(2.5, 9.0) * rate / 60)
    audio = engine.say(
        draw_text(voice.language[:2], n_words, rng),
        voice.name,
        rate=rate,
        pitch=round(np.clip(voice.pitch + rng.normal(0, 4), 0, 99)),
        pitch_range=round(np.clip(voice.pitch_range + rng.normal(0, 8), 0, 99)),
        seed=int(rng.integers(1, 2**31)),
    )
    audio = resample(audio, engine.sample_rate)
    audio = _levelled(sosfilt(_RUMBLE_FILTER, audio))
    spans = active_spans(audio)
    first, last = round(spans[0][0] * SAMPLE_RATE), spans[-1][1] * SAMPLE_RATE
    audio = audio[first : round(last)]
    if not SHORTEST <= len(audio) / SAMPLE_RATE <= LONGEST:
        return None
    return Utterance(audio, active_spans(audio))


def _levelled(audio: np.ndarray) -> np.ndarray:
    """Audio at the level of all voices, lower where a peak forbids it."""
    gain = 10 ** ((LEVEL_DB - gated_level(frame_powers(audio))) / 20)
    gain = min(gain, PEAK / np.abs(audio).max())
    return (gain * audio).astype(np.float32)
