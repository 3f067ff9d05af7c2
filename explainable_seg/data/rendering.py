"""Planned tracks made into sound."""

import numpy as np

from explainable_seg.data.acoustics import (
    TAIL_SECONDS,
    fade_curve,
    room_response,
    transform,
)
from explainable_seg.data.clips import ClipPool
from explainable_seg.data.scenes import Piece, Track
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
    for piece in heard:
        # What sounds shortly before time 0 still rings in the room after it.
        first = max(piece.at, -tail)
        audio = cut_piece(piece, pool, first, min(piece.end, duration))
        if track.tone or track.room or piece.speed != 1:
            audio = transform(audio, piece.speed, track.tone, room)
        _add(bus, audio, round(first * SAMPLE_RATE))


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
