"""What a planned scene consists of, and which classes it holds when.

A scene has tracks: voices, beds of music or noise, and floors. A track has
pieces: stretches of clips, or synthesised textures, at a place in time. No
audio is touched here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from explainable_seg.composer.acoustics import Tone, inaudible_part
from explainable_seg.composer.clips import Clip
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


def close_gaps(spans: Iterable[Span], longest: float) -> list[Span]:
    """Sorted disjoint spans with shorter gaps than ``longest`` filled.

    Example
    -------
    >>> close_gaps([(0.0, 1.0), (1.5, 2.0), (5.0, 6.0)], 1.0)
    [(0.0, 2.0), (5.0, 6.0)]
    """
    closed = merge_spans((start, end + longest) for start, end in spans)
    return [(start, end - longest) for start, end in closed]


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
FLOOR = "floor"  # label of the sound of a place or a line, no event


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
        return [_faded_span(self)]


@dataclass(frozen=True)
class Texture:
    """A synthesised sound at its place in the programme.

    Arguments
    ---------
    kind : str
        What sounds: a key of ``TEXTURES``.
    at : float
        Start in the programme, seconds.
    seconds : float
        Duration in the programme.
    level_db : float
        Level, dB re full scale.
    fade_in, fade_out : float
        Seconds of the programme.
    """

    kind: str
    at: float
    seconds: float
    level_db: float
    fade_in: float = CUT_FADE
    fade_out: float = CUT_FADE

    @property
    def end(self) -> float:
        """End in the programme, seconds."""
        return self.at + self.seconds

    def spans(self) -> list[Span]:
        """Where it can be heard: from fade to fade."""
        return [_faded_span(self)]


def _faded_span(piece: "Piece | Texture") -> Span:
    """From where the first fade is heard to where the last one was."""
    start = piece.at + inaudible_part(piece.fade_in)
    return start, piece.end - inaudible_part(piece.fade_out)


@dataclass(frozen=True)
class Duck:
    """How a bed gives way to a voice.

    Arguments
    ---------
    spans : tuple[tuple[float, float], ...]
        When the voice speaks, seconds of the programme, sorted and disjoint.
    depth_db : float
        How much lower the bed lies then.
    seconds : float
        How long it takes to fall before the voice, and to rise after it.
    """

    spans: tuple[Span, ...]
    depth_db: float
    seconds: float

    def gain_db(self, times: np.ndarray) -> np.ndarray:
        """Gain at each time.

        Arguments
        ---------
        times : np.ndarray [shape=(T,)]
            Seconds of the programme.

        Returns
        -------
        np.ndarray [shape=(T,)]
            From minus ``depth_db`` to 0.

        Example
        -------
        >>> duck = Duck(((1.0, 2.0),), 12.0, 0.5)
        >>> duck.gain_db(np.array([0.0, 0.75, 1.5, 2.25, 4.0])).tolist()
        [0.0, -6.0, -12.0, -6.0, 0.0]
        """
        nearest = np.full(len(times), np.inf)
        for start, end in self.spans:
            away = np.maximum(np.maximum(start - times, times - end), 0.0)
            np.minimum(nearest, away, out=nearest)
        return self.depth_db * (np.minimum(nearest / self.seconds, 1.0) - 1.0)


@dataclass(frozen=True)
class Track:
    """Pieces of one source: a voice, a bed or a floor.

    Arguments
    ---------
    label : str
        ``speech``, ``music`` or ``noise``; ``floor`` is of no class.
    group : str
        Who sounds: two different voices at once are overlapped speech.
    pieces : tuple[Piece | Texture, ...]
        What sounds, in time order.
    tone : Tone or None
        Spectral shape of the source.
    room : tuple[float, float] or None
        Reverberation time (s) and direct sound over tail (dB).
    duck : Duck or None
        How a bed gives way to voices.
    unsure : tuple[str, ...]
        Classes of which nobody can say whether they are there while it
        sounds, where nothing else holds them.
    """

    label: str
    group: str
    pieces: "tuple[Piece | Texture, ...]"
    tone: Tone | None = None
    room: tuple[float, float] | None = None
    duck: Duck | None = None
    unsure: tuple[str, ...] = ()


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
        if track.label == FLOOR:
            continue
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


def unsure_spans(
    tracks: Iterable[Track], duration: float
) -> dict[str, list[Span]]:
    """When nobody can say whether a class is there.

    Arguments
    ---------
    tracks : Iterable[Track]
        What sounds.
    duration : float
        Seconds.

    Returns
    -------
    dict[str, list[tuple[float, float]]]
        Sorted disjoint spans inside ``[0, duration]`` of the classes that are
        unsure at some time.
    """
    unsure: dict[str, list[Span]] = {}
    for track in tracks:
        for label in track.unsure:
            spans = [span for piece in track.pieces for span in piece.spans()]
            unsure.setdefault(label, []).extend(cut_spans(spans, 0, duration))
    return {label: merge_spans(spans) for label, spans in unsure.items()}
