"""What a planned scene consists of, and which classes it holds when.

A scene has tracks: voices, and beds of music or noise. A track has pieces:
stretches of clips at a place in time. No audio is touched here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from explainable_seg.composer.clips import Clip, ClipPool
from explainable_seg.composer.style import (
    SceneKind,
    Style,
    Tone,
    inaudible_part,
)
from explainable_seg.errors import CorpusError
from explainable_seg.frames import Span

TOUCH = 1e-6  # seconds: spans that are no further apart are one


def cut_spans(spans: Iterable[Span], start: float, end: float) -> list[Span]:
    """The part of each span inside ``[start, end]``; empty ones are dropped.

    Example
    -------
    >>> cut_spans([(0.0, 1.0), (2.0, 3.0)], 0.5, 2.0)
    [(0.5, 1.0)]
    """
    cut = [(max(s, start), min(e, end)) for s, e in spans]
    return [(s, e) for s, e in cut if e - s > TOUCH]


def merge_spans(spans: Iterable[Span]) -> list[Span]:
    """Sorted disjoint spans that cover the same time.

    Example
    -------
    >>> merge_spans([(2.0, 3.0), (0.0, 1.0), (0.5, 2.0)])
    [(0.0, 3.0)]
    """
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1] + TOUCH:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def covered_twice(spans: Iterable[Span]) -> list[Span]:
    """Sorted disjoint spans of the time that two spans or more cover.

    Example
    -------
    >>> covered_twice([(0.0, 2.0), (1.0, 3.0), (5.0, 6.0)])
    [(1.0, 2.0)]
    """
    twice: list[Span] = []
    reached = -np.inf
    for start, end in sorted(spans):
        if min(reached, end) - start > TOUCH:
            twice.append((start, min(reached, end)))
        reached = max(reached, end)
    return merge_spans(twice)


CUT_FADE = 0.01  # seconds that keep a cut from clicking


@dataclass(frozen=True)
class Piece:
    """A stretch of a clip at its place in the programme.

    Arguments
    ---------
    clip : Clip
        What sounds.
    at : float
        Start in the programme, seconds.
    seconds : float
        Duration in the programme.
    begin : float
        Where it starts in the clip, seconds.
    speed : Fraction
        Seconds of the clip for a second of the programme.
    gain_db : float
        Gain.
    fade_in, fade_out : float
        Seconds of the programme.
    """

    clip: Clip
    at: float
    seconds: float
    begin: float
    speed: Fraction
    gain_db: float
    fade_in: float = CUT_FADE
    fade_out: float = CUT_FADE

    @property
    def end(self) -> float:
        """End in the programme, seconds."""
        return self.at + self.seconds

    def spans(self) -> list[Span]:
        """Where the piece can be heard, seconds of the programme.

        A voice is heard in the spans of its clip, a bed from fade to fade.
        """
        if self.clip.label == "speech":
            offset = self.at - self.begin / float(self.speed)
            moved = [
                (offset + s / float(self.speed), offset + e / float(self.speed))
                for s, e in self.clip.spans
            ]
            return cut_spans(moved, self.at, self.end)
        start = self.at + inaudible_part(self.fade_in)
        return [(start, self.end - inaudible_part(self.fade_out))]


@dataclass(frozen=True)
class Track:
    """Pieces of one source: a voice or a bed.

    Arguments
    ---------
    label : str
        ``speech``, ``music`` or ``noise``.
    group : str
        Who sounds: two different voices at once are overlapped speech.
    pieces : tuple[Piece, ...]
        What sounds, in time order.
    tone : Tone or None
        Spectral shape of the source.
    room : tuple[float, float] or None
        Reverberation time (s) and direct sound over tail (dB).
    """

    label: str
    group: str
    pieces: tuple[Piece, ...]
    tone: Tone | None = None
    room: tuple[float, float] | None = None


def programme_spans(
    tracks: Iterable[Track], duration: float
) -> dict[str, list[Span]]:
    """The truth of the tracks of a programme.

    Arguments
    ---------
    tracks : Iterable[Track]
        What sounds.
    duration : float
        Seconds.

    Returns
    -------
    dict[str, list[tuple[float, float]]]
        Sorted disjoint spans of each class inside ``[0, duration]``; overlap
        is where two voices or more are active.
    """
    beds: dict[str, list[Span]] = {"music": [], "noise": []}
    voices: dict[str, list[Span]] = {}
    for track in tracks:
        if track.label == "speech":
            spans = voices.setdefault(track.group, [])
        else:
            spans = beds[track.label]
        for piece in track.pieces:
            spans += cut_spans(piece.spans(), 0.0, duration)
    spoken = [s for spans in voices.values() for s in merge_spans(spans)]
    return {
        "speech": merge_spans(spoken),
        "music": merge_spans(beds["music"]),
        "noise": merge_spans(beds["noise"]),
        "overlap": covered_twice(spoken),
    }


LOOP_FADE = 0.1  # seconds over which a bed that starts again is cross-faded
SHORTEST_BED = 0.5  # seconds of an audible clip that can be a bed
SPEECH_MARGIN = 0.1  # seconds of a clip kept around its speech


def plan_programme(
    duration: float, pool: ClipPool, style: Style, rng: np.random.Generator
) -> list[Track]:
    """Plan the scenes of a programme that starts in the midst of one.

    Arguments
    ---------
    duration : float
        Seconds.
    pool : ClipPool
        What can sound; kinds of scene that it cannot fill are left out.
    style : Style
        How programmes are made.
    rng : np.random.Generator
        Source of randomness.

    Returns
    -------
    list[Track]
        Tracks, some of which start before 0 or end after ``duration``.
    """
    planner = ScenePlanner(pool, style, rng)
    kinds, shares = style.playable(pool.labels())
    # A random instant lies in a scene with odds in proportion to its length.
    kind = kinds[_pick(shares * [sum(k.seconds) for k in kinds], rng)]
    low, high = kind.seconds
    seconds = (low**2 + rng.random() * (high**2 - low**2)) ** 0.5
    now = -seconds * rng.random()
    tracks: list[Track] = []
    while now < duration:
        tracks += planner.scene(kind, now, now + seconds)
        now += seconds
        if rng.random() < style.gap_probability:
            now += rng.uniform(*style.gap_seconds)
        kind = kinds[_pick(shares, rng)]
        seconds = rng.uniform(*kind.seconds)
    return tracks


class ScenePlanner:
    """Draws the tracks of the scenes of one programme.

    Arguments
    ---------
    pool : ClipPool
        What can sound.
    style : Style
        How scenes are made.
    rng : np.random.Generator
        Source of randomness; also draws the level of the programme.
    """

    def __init__(self, pool: ClipPool, style: Style, rng: np.random.Generator):
        self.pool = pool
        self.style = style
        self.rng = rng
        self.voice_db = rng.uniform(*style.voice_db)

    def scene(self, kind: SceneKind, start: float, end: float) -> list[Track]:
        """Tracks of a scene.

        Arguments
        ---------
        kind : SceneKind
            Which voices and beds it has.
        start, end : float
            Seconds of the programme.

        Returns
        -------
        list[Track]
            Its beds, then its voices.
        """
        rng, style = self.rng, self.style
        level = self.voice_db + rng.uniform(*style.scene_db)
        voice_window = bed_window = (start, end)
        if kind.beds and kind.voices:
            voice_window, bed_window = self._windows(start, end)
        tracks = []
        for number, label in enumerate(kind.beds):
            if kind.voices:
                bed_db = level - rng.uniform(*style.bed_below_db)
            else:
                bed_db = level + rng.uniform(*style.alone_db)
            if number > 0:
                bed_db -= rng.uniform(*style.second_bed_below_db)
            tracks.append(self.bed(label, *bed_window, bed_db))
        return tracks + self._voices(kind.voices, *voice_window, level)

    def bed(
        self, label: str, start: float, end: float, level_db: float
    ) -> Track:
        """Music or noise; a clip that is too short begins again.

        Arguments
        ---------
        label : str
            ``music`` or ``noise``.
        start, end : float
            Seconds of the programme.
        level_db : float
            Level, dB re full scale, pauses left out.

        Returns
        -------
        Track
            Pieces that cover the time, cross-faded.
        """
        rng, style = self.rng, self.style
        clip = self.pool.draw(rng, label)
        speed = self._speed(style.bed_speeds)
        fades = rng.uniform(*style.bed_fade, size=2)
        pieces: list[Piece] = []
        now = start
        while not pieces or end - pieces[-1].end > 2 * LOOP_FADE:
            if pieces:
                now = pieces[-1].end - LOOP_FADE
                if rng.random() < style.new_bed_probability:
                    clip = self.pool.draw(rng, label)
            pieces.append(self._bed_piece(clip, now, end, speed, level_db))
        fade_in, fade_out = np.minimum(
            fades, [pieces[0].seconds / 2, pieces[-1].seconds / 2]
        ).tolist()
        pieces[0] = replace(pieces[0], fade_in=fade_in)
        pieces[-1] = replace(pieces[-1], fade_out=fade_out)
        return self._track(label, clip.group, pieces)

    def voice(
        self, clip: Clip, start: float, end: float, level_db: float
    ) -> Track:
        """A voice that speaks with pauses.

        Arguments
        ---------
        clip : Clip
            What is said first; more clips of its group follow.
        start, end : float
            Seconds of the programme.
        level_db : float
            Level, dB re full scale, pauses left out.

        Returns
        -------
        Track
            Utterances, none of which goes beyond ``end``.
        """
        rng, style = self.rng, self.style
        speed = self._speed(style.voice_speeds)
        members = self.pool.members(clip)
        pieces: list[Piece] = []
        now = start
        while end - now > style.shortest_utterance:
            pieces.append(self._utterance(clip, now, end, speed, level_db))
            now = pieces[-1].end + rng.uniform(*style.pause)
            clip = members[int(rng.integers(len(members)))]
        return self._track("speech", clip.group, pieces)

    def _windows(self, start: float, end: float) -> tuple[Span, Span]:
        """When voices may speak and when the bed sounds, in one scene."""
        rng, style = self.rng, self.style
        if rng.random() < style.bed_cut_probability:
            cut = start + rng.uniform(0.3, 0.7) * (end - start)
            bed = (start, cut) if rng.random() < 0.5 else (cut, end)
            return (start, end), bed
        head = rng.uniform(*style.bed_head)
        tail = rng.uniform(*style.bed_tail)
        return (start + head, end - tail), (start, end)

    def _voices(
        self, count: int, start: float, end: float, level_db: float
    ) -> list[Track]:
        """A main voice, and others that set in later and speak over it."""
        groups: list[str] = []
        tracks = []
        for number in range(count):
            if number > 0:
                start += self.rng.uniform(*self.style.second_voice_after)
                level_db += self.rng.uniform(*self.style.second_voice_db)
            clip = self.pool.draw(self.rng, "speech", groups)
            groups.append(clip.group)
            tracks.append(self.voice(clip, start, end, level_db))
        return tracks

    def _utterance(
        self, clip: Clip, at: float, end: float, speed: Fraction, level: float
    ) -> Piece:
        """A clip, or as many of its spans as the time allows."""
        available = (end - at) * float(speed)
        first = 0
        if clip.duration > available:
            first = int(self.rng.integers(len(clip.spans)))
        begin = max(0.0, clip.spans[first][0] - SPEECH_MARGIN)
        latest = min(begin + available, clip.duration)
        ends = [e + SPEECH_MARGIN for _, e in clip.spans[first:]]
        stop = max([e for e in ends if e <= latest], default=latest)
        gain = level - self.pool.level(clip)
        return Piece(clip, at, (stop - begin) / speed, begin, speed, gain)

    def _bed_piece(
        self, clip: Clip, at: float, end: float, speed: Fraction, level: float
    ) -> Piece:
        """A random stretch of a long clip, or the whole of a short one."""
        first, last = self.pool.extent(clip)
        if last - first < SHORTEST_BED:
            raise CorpusError(
                f"expected at least {SHORTEST_BED} s of {clip.label}, got "
                f"{last - first:.2f} s that can be heard, in {clip.path}; "
                "leave it out of the list of clips"
            )
        wanted = (end - at) * float(speed)
        spare = last - first - wanted
        begin, heard = first, self.pool.level(clip)
        if spare > 0:
            begin += spare * self.rng.random()
            # A stretch far quieter than its clip stays quiet in part.
            stretch = self.pool.level_between(clip, begin, begin + wanted)
            heard = max(stretch, heard - 10)
        seconds = min(wanted, last - begin) / float(speed)
        return Piece(
            clip, at, seconds, begin, speed, level - heard, LOOP_FADE, LOOP_FADE
        )

    def _track(self, label: str, group: str, pieces: list[Piece]) -> Track:
        """A track with the tone and the room of its source."""
        rng, style = self.rng, self.style
        tone = room = None
        if rng.random() < style.source_tone_probability:
            tone = style.source_tone.draw(rng)
        if label == "speech" and rng.random() < style.room_probability:
            room = (rng.uniform(*style.rt60), rng.uniform(*style.direct_db))
        return Track(label, group, tuple(pieces), tone, room)

    def _speed(self, speeds: tuple[Fraction, ...]) -> Fraction:
        """One of the speeds, or the clip's own."""
        if self.rng.random() >= self.style.speed_probability:
            return Fraction(1)
        return speeds[int(self.rng.integers(len(speeds)))]


def _pick(shares: np.ndarray, rng: np.random.Generator) -> int:
    """Index drawn with odds in proportion to the shares."""
    edges = np.cumsum(shares)
    index = np.searchsorted(edges, rng.random() * edges[-1], side="right")
    return min(int(index), len(edges) - 1)
