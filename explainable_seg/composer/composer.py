"""Programmes made of clips, with exact labels and stems.

One composer serves corpora on disk and chunks made while training.
"""

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from explainable_seg.audio import frame_powers, recording_level
from explainable_seg.classes import CLASSES, SOURCES
from explainable_seg.composer.acoustics import (
    PEAK,
    TAIL_SECONDS,
    fade_curve,
    noise_floor,
    room_response,
    soft_clip,
    transform,
)
from explainable_seg.composer.augment import within_peak
from explainable_seg.composer.pool import ClipPool
from explainable_seg.composer.scenes import ScenePlanner, plan_programme
from explainable_seg.composer.style import Range, Style
from explainable_seg.composer.textures import make_texture
from explainable_seg.composer.tracks import (
    Duck,
    Piece,
    Texture,
    Track,
    programme_spans,
    unsure_spans,
)
from explainable_seg.errors import SettingsError
from explainable_seg.frames import (
    SAMPLE_RATE,
    UNKNOWN,
    Span,
    frame_targets,
    num_frames,
)


def add_track(
    bus: np.ndarray, track: Track, pool: ClipPool, rng: np.random.Generator
) -> None:
    """Add what can be heard of a track to a bus that starts at time 0.

    Arguments
    ---------
    bus : np.ndarray [shape=(N,), dtype=float32]
        Mono at 16 kHz; changed in place.
    track : Track
        Its pieces may lie before, in and after the bus.
    pool : ClipPool
        Where the clips of the track are.
    rng : np.random.Generator
        Source of the noise that makes a room.
    """
    duration = len(bus) / SAMPLE_RATE
    tail = TAIL_SECONDS if track.room else 0.0
    heard = [
        piece
        for piece in track.pieces
        if piece.at < duration and piece.end + tail > 0
    ]
    if not heard:
        return
    room = room_response(*track.room, rng) if track.room else None
    target = bus if track.duck is None else np.zeros_like(bus)
    for piece in heard:
        # What sounds shortly before time 0 still rings in the room after it.
        first = max(piece.at, -tail)
        last = min(piece.end, duration)
        speed = Fraction(1)
        if isinstance(piece, Texture):
            audio = cut_texture(piece, first, last, rng)
        else:
            audio, speed = cut_piece(piece, pool, first, last), piece.speed
        if track.tone or track.room or speed != 1:
            audio = transform(audio, speed, track.tone, room)
        _add(target, audio, round(first * SAMPLE_RATE))
    if track.duck is not None:
        bus += target * _ducked(track.duck, len(bus))


def cut_piece(
    piece: Piece, pool: ClipPool, first: float, last: float
) -> np.ndarray:
    """Audio of a piece with gain and fades, not yet brought to its speed.

    Arguments
    ---------
    piece : Piece
        What sounds.
    pool : ClipPool
        Where its clip is.
    first, last : float
        The part to cut, seconds of the programme.

    Returns
    -------
    np.ndarray [shape=(N,), dtype=float32]
        ``(last - first) * piece.speed`` seconds at 16 kHz.
    """
    speed = float(piece.speed)
    start = piece.begin + (first - piece.at) * speed
    audio = pool.audio(piece.clip, start, (last - first) * speed)
    audio *= np.float32(10 ** (piece.gain_db / 20))
    rate = SAMPLE_RATE * speed
    _fade(audio, (first - piece.at) * rate, piece.fade_in * rate)
    _fade(audio[::-1], (piece.end - last) * rate, piece.fade_out * rate)
    return audio


def cut_texture(
    texture: Texture, first: float, last: float, rng: np.random.Generator
) -> np.ndarray:
    """Audio of a texture with its level and fades.

    Arguments
    ---------
    texture : Texture
        What sounds.
    first, last : float
        The part to make, seconds of the programme.
    rng : np.random.Generator
        Source of its parameters and samples.

    Returns
    -------
    np.ndarray [shape=(N,), dtype=float32]
        Mono at 16 kHz.
    """
    n_samples = round((last - first) * SAMPLE_RATE)
    audio = make_texture(texture.kind, n_samples, rng)
    audio *= np.float32(10 ** (texture.level_db / 20))
    done, left = first - texture.at, texture.end - last
    _fade(audio, done * SAMPLE_RATE, texture.fade_in * SAMPLE_RATE)
    _fade(audio[::-1], left * SAMPLE_RATE, texture.fade_out * SAMPLE_RATE)
    return audio


def _ducked(duck: Duck, n_samples: int) -> np.ndarray:
    """Factor of each sample of a bed that gives way to voices."""
    # A ramp needs no more than a point each 10 ms.
    times = np.arange(n_samples // 160 + 2) / 100
    gains = 10 ** (duck.gain_db(times) / 20)
    samples = np.arange(n_samples) / SAMPLE_RATE
    return np.interp(samples, times, gains).astype(np.float32)


def _fade(audio: np.ndarray, done: float, length: float) -> None:
    """Fade audio in, in place, of which ``done`` samples went before."""
    first, rise = round(done), round(length)
    if first < rise:
        last = min(rise, first + len(audio))
        audio[: last - first] *= fade_curve(first, last, rise)


def _add(bus: np.ndarray, audio: np.ndarray, at: int) -> None:
    """Add audio onto a bus from sample ``at`` on; what sticks out is cut."""
    first, last = max(at, 0), min(at + len(audio), len(bus))
    if last > first:
        bus[first:last] += audio[first - at : last - at]


SPEECH, OVERLAP = CLASSES.index("speech"), CLASSES.index("overlap")
QUIETEST_DB = -45.0  # level re which sounds are laid over near silence


@dataclass(frozen=True)
class Overlays:
    """What is laid over recorded chunks, how often and how far below them.

    The defaults are those of the method's authors (their ``train_full.py``).

    Arguments
    ---------
    music_probability, music_below_db : float, tuple[float, float]
        A bed of music, dB below the level of the chunk.
    noise_probability, noise_below_db : float, tuple[float, float]
        A bed of noise.
    voice_probability, voice_below_db : float, tuple[float, float]
        Another voice: overlapped speech where somebody speaks already.
    style : Style
        How beds and voices are made.
    """

    music_probability: float = 0.5
    music_below_db: Range = (1.0, 20.0)
    noise_probability: float = 0.2
    noise_below_db: Range = (5.0, 20.0)
    voice_probability: float = 0.3
    voice_below_db: Range = (1.0, 10.0)
    style: Style = Style()


def overlay(
    audio: np.ndarray,
    targets: np.ndarray,
    pool: ClipPool,
    rng: np.random.Generator,
    overlays: Overlays = Overlays(),
) -> tuple[np.ndarray, np.ndarray]:
    """Lay beds and a voice over a recorded chunk and set its targets.

    Arguments
    ---------
    audio : np.ndarray [shape=(N,), dtype=float32]
        Mono at 16 kHz.
    targets : np.ndarray [shape=(T, 4)]
        Frame targets: 1, 0, a score between them, or -1, which is unknown.
    pool : ClipPool
        What can be laid over it.
    rng : np.random.Generator
        Source of randomness.
    overlays : Overlays
        How often and how loud.

    Returns
    -------
    tuple[np.ndarray, np.ndarray]
        New audio, at most 0.97 in amplitude, and new targets. Overlap is set
        where the new voice meets a known one; where it meets time of unknown
        speech it becomes unknown.

    Raises
    ------
    ValueError
        If audio and targets differ in their number of frames.
    """
    if targets.shape != (num_frames(len(audio)), len(CLASSES)):
        raise SettingsError(
            f"expected targets [{num_frames(len(audio))}, {len(CLASSES)}] for "
            f"{len(audio)} samples, got {list(targets.shape)}"
        )
    duration = len(audio) / SAMPLE_RATE
    level = max(recording_level(frame_powers(audio)), QUIETEST_DB)
    audio, targets = audio.copy(), targets.copy()
    for track in _draw_tracks(duration, level, pool, rng, overlays):
        add_track(audio, track, pool, rng)
        spans = programme_spans([track], duration)[track.label]
        _set_targets(targets, track.label, frame_targets(spans, len(targets)))
    return within_peak(audio), targets


def _draw_tracks(
    duration: float,
    level: float,
    pool: ClipPool,
    rng: np.random.Generator,
    overlays: Overlays,
) -> list[Track]:
    """The beds and the voice that are laid over a chunk, if any."""
    planner = ScenePlanner(pool, overlays.style, rng)
    tracks = []
    for label, probability, below_db in (
        ("music", overlays.music_probability, overlays.music_below_db),
        ("noise", overlays.noise_probability, overlays.noise_below_db),
        ("speech", overlays.voice_probability, overlays.voice_below_db),
    ):
        if rng.random() >= probability:
            continue
        start = duration * rng.uniform(-0.5, 0.6)
        end = start + duration * rng.uniform(0.5, 1.5)
        level_db = level - rng.uniform(*below_db)
        if label == "speech":
            clip = pool.draw(rng, label)
            tracks.append(planner.voice(clip, start, end, level_db))
        else:
            tracks.append(planner.bed(label, start, end, level_db))
    return tracks


def _set_targets(targets: np.ndarray, label: str, active: np.ndarray) -> None:
    """Set the targets of what was laid over a chunk, in place."""
    if label == "speech":
        speech, overlap = targets[:, SPEECH], targets[:, OVERLAP]
        unsure = active & (speech == UNKNOWN) & (overlap != 1)
        overlap[unsure] = UNKNOWN
        # A new voice meets another one as surely as there is one.
        meets = active & (speech > 0)
        overlap[meets] = np.maximum(overlap, speech)[meets]
    targets[active, CLASSES.index(label)] = 1


@dataclass(frozen=True)
class Programme:
    """A composed programme and its truth.

    Arguments
    ---------
    audio : np.ndarray [shape=(N,), dtype=float32]
        Mono at 16 kHz, at most 0.97 in amplitude.
    spans : dict[str, list[tuple[float, float]]]
        For each of the four classes, sorted disjoint spans in seconds.
    stems : dict[str, np.ndarray] or None
        Speech, music and noise as they are heard in the mix; without soft
        clipping, hiss and floors they sum to the audio.
    unsure : dict[str, list[tuple[float, float]]]
        When nobody can say whether a class is there that ``spans`` do not
        hold: of some classes, sorted disjoint spans in seconds.
    """

    audio: np.ndarray
    spans: dict[str, list[Span]]
    stems: dict[str, np.ndarray] | None = None
    unsure: dict[str, list[Span]] = field(default_factory=dict)


class Composer:
    """Lays clips into programmes.

    Arguments
    ---------
    pool : ClipPool
        What can sound; preload it when programmes are made while training.
    style : Style
        How programmes are made.
    """

    def __init__(self, pool: ClipPool, style: Style = Style()):
        self.pool = pool
        self.style = style

    def compose(
        self, duration: float, rng: np.random.Generator, stems: bool = False
    ) -> Programme:
        """Compose a programme; the same seed gives the same bytes.

        It starts in the midst of a scene: a short one is like a random cut
        out of a long one.

        Arguments
        ---------
        duration : float
            Seconds.
        rng : np.random.Generator
            Source of all randomness.
        stems : bool
            Whether to return the stems, too.

        Returns
        -------
        Programme
            Audio and truth.
        """
        n_samples = round(duration * SAMPLE_RATE)
        tracks = plan_programme(duration, self.pool, self.style, rng)
        buses: dict[str, np.ndarray] = {}
        for track in tracks:
            bus = track.label if stems else "mix"
            if bus not in buses:
                buses[bus] = np.zeros(n_samples, dtype=np.float32)
            add_track(buses[bus], track, self.pool, rng)
        self._through_channel(buses, rng)
        silent = np.zeros(n_samples, dtype=np.float32)
        audio = sum(buses.values(), start=silent)
        audio, gain = self._finish(audio, rng)
        heard = None
        if stems:
            heard = {k: buses.get(k, silent) * gain for k in SOURCES}
        return Programme(
            audio,
            programme_spans(tracks, duration),
            heard,
            unsure_spans(tracks, duration),
        )

    def _through_channel(
        self, buses: dict[str, np.ndarray], rng: np.random.Generator
    ) -> None:
        """Give the whole programme one spectral shape, at times."""
        if rng.random() >= self.style.channel_probability:
            return
        tone = self.style.channel_tone.draw(rng)
        for name, bus in buses.items():
            buses[name] = transform(bus, tone=tone)

    def _finish(
        self, audio: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.float32]:
        """Hiss, clipping, and a peak within bounds; also the gain applied."""
        style = self.style
        peak = float(np.abs(audio).max(initial=0.0))
        gain = min(1.0, PEAK / max(peak, 1e-9))
        clips = rng.random() < style.clip_probability and peak > 0
        if clips:
            gain = 10 ** (rng.uniform(*style.drive_db) / 20) / peak
        audio = audio * np.float32(gain)
        if rng.random() < style.floor_probability:
            level = rng.uniform(*style.floor_db)
            audio = audio + noise_floor(len(audio), level, rng)
        if clips:
            audio = soft_clip(audio)
        return np.clip(audio, -PEAK, PEAK), np.float32(gain)
