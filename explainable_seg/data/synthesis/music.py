"""Music: composed pieces, played by the instruments of a soundfont.

The soundfont is ``TimGM6mb.sf2``, which the package ``pretty_midi`` carries;
``symusic`` plays it.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.signal import butter, sosfilt

from explainable_seg.audio.resampling import resample
from explainable_seg.data.synthesis.composition import Band, Part, compose_music
from explainable_seg.data.synthesis.extras import package_folder, require
from explainable_seg.data.synthesis.signals import convolved, filtered_noise
from explainable_seg.data.synthesis.styles import STYLES
from explainable_seg.errors import ExplainableSegError
from explainable_seg.frames import SAMPLE_RATE

# High partials do not fold back into our band, and symusic 0.5.9, which at
# 16 and 32 kHz hangs for ever on some high notes, plays all of them.
RENDER_RATE = 48000  # Hz
QUALITY = 4  # best interpolation of symusic 0.5.9; above it, it is silent
LEVEL_DB = -20.0  # dB re full scale
PEAK = 0.9  # no sample of a clip is higher
FADE_OUT = 0.8  # seconds
_RUMBLE_FILTER = butter(2, 40, "highpass", fs=SAMPLE_RATE, output="sos")


def make_music(
    style_name: str, band: Band, seconds: float, rng: np.random.Generator
) -> np.ndarray:
    """A piece of music in a style, played by a band in a room.

    Arguments
    ---------
    style_name : str
        A key of :data:`~explainable_seg.data.synthesis.styles.STYLES`.
    band : Band
        Who plays; see
        :func:`~explainable_seg.data.synthesis.composition.possible_bands`.
    seconds : float
        Duration, without the second in which the last notes die away.
    rng : np.random.Generator
        Source of the piece and of the room.

    Returns
    -------
    np.ndarray [shape=(N,), dtype=float32]
        Mono audio at 16 kHz, about :data:`LEVEL_DB`; its highest samples bend
        towards :data:`PEAK`.

    Raises
    ------
    ExplainableSegError
        If a package or the soundfont is missing, or if nothing sounds.
    """
    parts = compose_music(STYLES[style_name], band, seconds, rng)
    sound = _in_hall(render(parts), rng)
    sound[-round(FADE_OUT * SAMPLE_RATE) :] *= np.linspace(
        1, 0, round(FADE_OUT * SAMPLE_RATE)
    )
    gain = 10 ** (LEVEL_DB / 20) / sound.std()
    return (PEAK * np.tanh(gain / PEAK * sound)).astype(np.float32)


def render(parts: Sequence[Part]) -> np.ndarray:
    """Sound of parts, played by the soundfont.

    Arguments
    ---------
    parts : Sequence[Part]
        What each player plays.

    Returns
    -------
    np.ndarray [shape=(N,), dtype=float32]
        Mono audio at 16 kHz, until the last note ends; not levelled.

    Raises
    ------
    ExplainableSegError
        If a package or the soundfont is missing, or if nothing sounds.
    """
    symusic = require("symusic")
    score = symusic.Score(ttype="second")
    for part in parts:
        track = symusic.Track(
            program=part.program, is_drum=part.is_drum, ttype="second"
        )
        for note in part.notes:
            track.notes.append(
                symusic.Note(
                    note.start,
                    note.duration,
                    note.pitch,
                    note.velocity,
                    ttype="second",
                )
            )
        score.tracks.append(track)
    # A player keeps what it worked out for its first notes, so that a piece
    # would depend on those before: each gets a new one (about 10 ms).
    player = symusic.Synthesizer(str(_soundfont()), RENDER_RATE, QUALITY)
    # Its one-channel mode is not levelled: average two channels instead.
    stereo = player.render(score, stereo=True)
    if not 0 < np.abs(stereo).max() < np.inf:
        raise ExplainableSegError(
            "expected music, got silence or numbers without bounds, from the "
            'soundfont player; run: pip install "symusic==0.5.9"'
        )
    return resample(stereo.mean(axis=0), RENDER_RATE)


def _soundfont() -> Path:
    """The soundfont file."""
    soundfont = package_folder("pretty_midi") / "TimGM6mb.sf2"
    if not soundfont.is_file():
        raise ExplainableSegError(
            f"expected the soundfont TimGM6mb.sf2, got no file, in {soundfont};"
            " reinstall pretty_midi"
        )
    return soundfont


def _in_hall(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The sound with some reverberation, and without rumble."""
    reverberation_time = rng.uniform(0.3, 2.0)
    length = round(reverberation_time * SAMPLE_RATE)
    tail = filtered_noise(length, 150, rng.uniform(2500, 6000), rng)
    tail *= np.exp(-6.9 * np.arange(length) / length)
    tail *= rng.uniform(0.1, 0.6) / np.sqrt(np.square(tail).sum())
    return sosfilt(_RUMBLE_FILTER, sound + convolved(sound, tail))
