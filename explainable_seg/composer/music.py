"""Music: composed pieces, played by the instruments of a soundfont.

The soundfont is ``TimGM6mb.sf2``, which the package ``pretty_midi`` carries;
``symusic`` plays it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import TypeVar

import numpy as np
from scipy.signal import butter, sosfilt

from explainable_seg.audio import resample
from explainable_seg.composer.music_styles import (
    DRUMS,
    SCALES,
    STYLES,
    MusicStyle,
)
from explainable_seg.composer.signals import (
    convolved,
    filtered_noise,
    package_folder,
    require,
)
from explainable_seg.errors import ExplainableSegError
from explainable_seg.frames import SAMPLE_RATE

Option = TypeVar("Option")

# Range of a melody, MIDI notes. The player hardly sounds the piano above 80.
LOWEST, HIGHEST = 55, 79
MIDDLE = 60  # centre of the chords, MIDI note
BASS_FLOOR = 31  # lowest bass note, MIDI note
JITTER = 0.006  # seconds by which players are late or early
TAIL = 1.0  # seconds in which the last notes may ring


@dataclass(frozen=True)
class Note:
    """One note: start and duration in seconds, MIDI pitch and velocity."""

    start: float
    duration: float
    pitch: int
    velocity: int


@dataclass
class MusicPart:
    """What one player plays.

    Arguments
    ---------
    program : int
        General MIDI programme, 0 to 127.
    is_drum : bool
        Whether pitches are drums.
    notes : list[Note]
        The notes, in no order.
    """

    program: int
    is_drum: bool = False
    notes: list[Note] = field(default_factory=list)


@dataclass(frozen=True)
class Band:
    """Who plays: a programme for each role, None when nobody does."""

    melody: int | None
    chords: int | None
    bass: int | None

    @property
    def name(self) -> str:
        """The programmes, for instance ``73-24-32``."""
        players = (self.melody, self.chords, self.bass)
        return "-".join(str(p) for p in players if p is not None)


def possible_bands(style: MusicStyle) -> list[Band]:
    """All bands that may play a style.

    Arguments
    ---------
    style : MusicStyle
        Gives the programmes to choose from.

    Returns
    -------
    list[Band]
        One band for each choice of a programme for each role.
    """
    if style.alone:
        return [Band(p, p, None) for p in style.melody]
    roles = (style.melody, style.chords, style.bass)
    return [
        Band(*players) for players in product(*(r or (None,) for r in roles))
    ]


def compose_music(
    style: MusicStyle, band: Band, seconds: float, rng: np.random.Generator
) -> list[MusicPart]:
    """A piece of music.

    Arguments
    ---------
    style : MusicStyle
        The rules.
    band : Band
        Who plays.
    seconds : float
        All notes start before this time and end within a second after it.
    rng : np.random.Generator
        Source of randomness.

    Returns
    -------
    list[MusicPart]
        A part for each player, drums last.
    """
    piece = _Piece(style, seconds, rng)
    parts: list[MusicPart] = []
    if band.melody is not None:
        parts.append(MusicPart(band.melody, notes=piece.melody()))
    if band.chords is not None:
        parts.append(MusicPart(band.chords, notes=piece.chords()))
    if band.bass is not None:
        parts.append(MusicPart(band.bass, notes=piece.bass()))
    if style.drums:
        parts.append(MusicPart(0, is_drum=True, notes=piece.drums()))
    return parts


class _Piece:
    """The choices that all players of one piece share."""

    def __init__(
        self, style: MusicStyle, seconds: float, rng: np.random.Generator
    ):
        self.style = style
        self.seconds = seconds
        self.rng = rng
        self.beat = 60 / rng.uniform(*style.tempo)
        self.bar = self.beat * style.beats
        self.n_bars = int(np.ceil(seconds / self.bar))
        self.scale = SCALES[_choice(style.scales, rng)]
        self.key = int(rng.integers(12))
        self.progression = [int(d) for d in _choice(style.progressions, rng)]
        self.section = int(rng.choice([4, 8]))
        # Somebody always plays the harmony, so that no section is drums only.
        n_sections = self.n_bars // self.section + 1
        self.plays = {
            role: rng.random(n_sections) < odds
            for role, odds in (("melody", 0.8), ("bass", 0.85), ("drums", 0.8))
        }

    def chords(self) -> list[Note]:
        """The accompaniment: each bar's chord in the style's manner."""
        manner = _choice(self.style.comping, self.rng)
        notes: list[Note] = []
        voicing: list[int] = []
        for bar in range(self.n_bars):
            voicing = _voiced(self._chord(bar), voicing)
            for step, length, pitches in self._comping(manner, voicing):
                for pitch in pitches:
                    notes += self._note(bar, step, length, pitch, 68)
        return notes

    def bass(self) -> list[Note]:
        """The bass: roots, fifths or a walk from chord to chord."""
        manner = _choice(self.style.bass_lines, self.rng)
        notes: list[Note] = []
        for bar in range(self.n_bars):
            if not self._playing("bass", bar):
                continue
            root, third, fifth = (_low(p) for p in self._chord(bar)[:3])
            beats = self.style.beats
            if manner == "held":
                line = [(0.0, float(beats), root)]
            elif manner == "fifths":
                half = beats / 2 if beats % 2 == 0 else 1.0
                line = [(0.0, half, root), (half, beats - half, fifth)]
            elif manner == "eighths":
                line = [(i / 2, 0.45, root) for i in range(2 * beats)]
            else:
                line = self._walk(root, third, fifth)
            for step, length, pitch in line:
                notes += self._note(bar, step, length, pitch, 88)
        return notes

    def melody(self) -> list[Note]:
        """A tune: rhythms that return, steps between notes of the chord."""
        rhythms = [_choice(self.style.rhythms, self.rng) for _ in range(4)]
        form = _choice(("0010", "0123", "0102", "0112"), self.rng)
        degree = int(self.rng.integers(7, 12))
        notes: list[Note] = []
        for bar in range(self.n_bars):
            rhythm = rhythms[int(form[bar % 4])]
            step = 0.0
            for symbol in rhythm:
                length = 0.5 if symbol == " " else int(symbol) / 2
                if symbol != " " and self._playing("melody", bar):
                    degree = self._next_degree(degree, bar, step == int(step))
                    pitch = self._pitch(degree)
                    notes += self._note(bar, step, 0.95 * length, pitch, 96)
                step += length
        return notes

    def drums(self) -> list[Note]:
        """The beat: one pattern throughout, with a crash at new sections."""
        pattern = DRUMS[_choice(self.style.drums, self.rng)]
        notes: list[Note] = []
        for bar in range(self.n_bars):
            if not self._playing("drums", bar):
                continue
            for drum, steps in pattern.items():
                for index, symbol in enumerate(steps):
                    step = index * self.style.beats / len(steps)
                    loud = 100 if symbol == "x" else 62
                    if symbol != ".":
                        notes += self._note(bar, step, 0.2, drum, loud)
            if bar % self.section == 0 and self.rng.random() < 0.5:
                notes += self._note(bar, 0.0, 1.0, 49, 85)
        return notes

    def _note(
        self, bar: int, step: float, length: float, pitch: int, velocity: int
    ) -> list[Note]:
        """One note played by a person; none after the end of the piece."""
        start = bar * self.bar + step * self.beat
        if start >= self.seconds:
            return []
        accent = 6 if step == 0 else 0
        return [
            Note(
                start=max(0.0, start + self.rng.normal(0, JITTER)),
                duration=min(
                    max(0.05, length * self.beat), self.seconds + TAIL - start
                ),
                pitch=pitch,
                velocity=int(
                    np.clip(velocity + accent + self.rng.normal(0, 7), 20, 127)
                ),
            )
        ]

    def _comping(
        self, manner: str, voicing: list[int]
    ) -> list[tuple[float, float, list[int]]]:
        """Beat, length in beats and pitches of one bar of accompaniment."""
        beats = self.style.beats
        if manner == "held":
            return [(0.0, float(beats), voicing)]
        if manner == "beats":
            return [(float(i), 0.8, voicing) for i in range(beats)]
        if manner == "offbeats":
            first = 1.0 if beats == 3 else 0.5
            return [(i, 0.4, voicing) for i in np.arange(first, beats, 1.0)]
        if manner == "arpeggio":
            turn = voicing + voicing[-2:0:-1]
            return [
                (i / 2, 0.9, [turn[i % len(turn)]]) for i in range(2 * beats)
            ]
        steps = (0.0, 1.0, 1.5, 2.5, 3.0, 3.5)
        return [(s, 0.45, voicing) for s in steps if s < beats]

    def _walk(
        self, root: int, third: int, fifth: int
    ) -> list[tuple[float, float, int]]:
        """A walking bass: notes of the chord, one a beat, root first."""
        others = self.rng.choice([third, fifth, root], self.style.beats - 1)
        return [
            (float(i), 0.9, pitch)
            for i, pitch in enumerate([root, *others.tolist()])
        ]

    def _playing(self, role: str, bar: int) -> bool:
        """Whether a player has not paused for the section of a bar."""
        no_one_else = not self.style.chords and not self.style.alone
        if role == "melody" and no_one_else:
            return True
        return bool(self.plays[role][bar // self.section])

    def _chord(self, bar: int) -> list[int]:
        """Pitches of a bar's chord, in thirds above its root."""
        degree = self.progression[bar % len(self.progression)] - 1
        size = 4 if self.style.sevenths else 3
        return [self._pitch(degree + 2 * i) for i in range(size)]

    def _pitch(self, degree: int) -> int:
        """MIDI note of a degree of the scale, 0 being the key note."""
        octave, step = divmod(degree, 7)
        return 48 + self.key + 12 * octave + self.scale[step]

    def _next_degree(self, degree: int, bar: int, strong: bool) -> int:
        """The next degree: a step or leap, into the chord if strong."""
        degree += int(self.rng.choice([-2, -1, -1, 0, 1, 1, 2, 4, -4]))
        while self._pitch(degree) > HIGHEST:
            degree -= 3
        while self._pitch(degree) < LOWEST:
            degree += 3
        root = self.progression[bar % len(self.progression)] - 1
        inwards = 1 if self._pitch(degree) < (LOWEST + HIGHEST) / 2 else -1
        while strong and (degree - root) % 7 not in (0, 2, 4):
            degree += inwards
        return degree


def _voiced(chord: list[int], previous: list[int]) -> list[int]:
    """The chord's notes in the octave nearest to the previous voicing."""
    centre = float(np.mean(previous)) if previous else MIDDLE
    centre = 0.7 * centre + 0.3 * MIDDLE
    return sorted(p + 12 * round((centre - p) / 12) for p in chord)


def _low(pitch: int) -> int:
    """The pitch in the octave of the bass."""
    return BASS_FLOOR + (pitch - BASS_FLOOR) % 12


def _choice(options: Sequence[Option], rng: np.random.Generator) -> Option:
    """One of the options."""
    return options[int(rng.integers(len(options)))]


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
        A key of :data:`~explainable_seg.composer.music_styles.STYLES`.
    band : Band
        Who plays; see
        :func:`~explainable_seg.composer.music.possible_bands`.
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


def render(parts: Sequence[MusicPart]) -> np.ndarray:
    """Sound of parts, played by the soundfont.

    Arguments
    ---------
    parts : Sequence[MusicPart]
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
