"""What a planned scene consists of, and which classes it holds when.

A scene has tracks: voices, and beds of music or noise. A track has pieces:
stretches of clips at a place in time. No audio is touched here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from explainable_seg.data.acoustics import Tone, inaudible_part
from explainable_seg.data.clips import Clip
from explainable_seg.data.spans import covered_twice, cut_spans, merge_spans
from explainable_seg.frames import Span

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
