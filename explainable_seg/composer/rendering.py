"""Planned tracks made into sound."""

from fractions import Fraction

import numpy as np

from explainable_seg.composer.acoustics import (
    TAIL_SECONDS,
    fade_curve,
    room_response,
    transform,
)
from explainable_seg.composer.pool import ClipPool
from explainable_seg.composer.textures import make_texture
from explainable_seg.composer.tracks import Duck, Piece, Texture, Track
from explainable_seg.frames import SAMPLE_RATE


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
