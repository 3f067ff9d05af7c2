"""People who talk with each other: turns, answers, interruptions."""

from dataclasses import dataclass, field
from fractions import Fraction

from explainable_seg.composer.clips import Clip
from explainable_seg.composer.sources import SPEECH_MARGIN, SourcePlanner
from explainable_seg.composer.style import log_uniform
from explainable_seg.composer.tracks import Piece, Track


@dataclass
class Voice:
    """Somebody who takes part in a conversation.

    Arguments
    ---------
    members : list[Clip]
        What can be heard of that voice.
    level : float
        dB re full scale.
    speed : Fraction
        Seconds of a clip for a second of the programme.
    pieces : list[Piece]
        What was said so far, in time order.
    """

    members: list[Clip]
    level: float
    speed: Fraction
    pieces: list[Piece] = field(default_factory=list)

    @property
    def free_at(self) -> float:
        """When the voice has said all, seconds of the programme."""
        return self.pieces[-1].end if self.pieces else float("-inf")


def conversation(
    planner: SourcePlanner,
    most_voices: int,
    start: float,
    end: float,
    level_db: float,
) -> list[Track]:
    """Two voices or more that take turns and answer each other.

    Arguments
    ---------
    planner : SourcePlanner
        Draws what is said.
    most_voices : int
        Two voices, or up to as many, where the pool has them.
    start, end : float
        Seconds of the programme.
    level_db : float
        Level of the first voice, dB re full scale, pauses left out.

    Returns
    -------
    list[Track]
        A track for each voice that says something. No voice speaks over
        itself.
    """
    rng, talk = planner.rng, planner.style.talk
    voices = _draw_voices(planner, most_voices, level_db)
    now, speaker = start, 0
    while end - now > planner.style.shortest_utterance:
        voice = voices[speaker]
        at = max(now, voice.free_at)
        last = min(end, at + log_uniform(talk.turn_seconds, rng))
        begun = len(voice.pieces)
        _take_turn(planner, voice, at, last)
        if len(voice.pieces) == begun:
            break
        stop = voice.pieces[-1].end
        _answer(planner, voices, speaker, at, stop)
        # Pieces have silence at both ends: turns meet inside of it.
        now = max(at + 0.3, stop - 2 * SPEECH_MARGIN + _gap(planner))
        others = [n for n in range(len(voices)) if n != speaker]
        speaker = int(rng.choice(others))
    return [
        planner.track("speech", voice.pieces[0].clip.group, voice.pieces)
        for voice in voices
        if voice.pieces
    ]


def _draw_voices(
    planner: SourcePlanner, most_voices: int, level_db: float
) -> list[Voice]:
    """The first voice, and others that are mostly further away."""
    rng, style = planner.rng, planner.style
    count = int(rng.integers(2, most_voices, endpoint=True))
    groups: list[str] = []
    voices = []
    for number in range(count):
        clip = planner.pool.draw(rng, "speech", groups)
        groups.append(clip.group)
        level = level_db
        if number > 0:
            far = rng.random() < style.talk.far_probability
            talk = style.talk
            level += rng.uniform(*(talk.far_db if far else talk.other_db))
        speed = planner.speed(style.voice_speeds)
        members = planner.pool.members(clip)
        voices.append(Voice(members, level, speed))
    return voices


def _take_turn(
    planner: SourcePlanner, voice: Voice, start: float, end: float
) -> None:
    """Let a voice speak with pauses from ``start`` to ``end``."""
    rng, now = planner.rng, start
    while end - now > planner.style.shortest_utterance:
        clip = voice.members[int(rng.integers(len(voice.members)))]
        piece = planner.utterance(clip, now, end, voice.speed, voice.level)
        voice.pieces.append(piece)
        now = piece.end + rng.uniform(*planner.style.talk.pause)


def _answer(
    planner: SourcePlanner,
    voices: list[Voice],
    speaker: int,
    start: float,
    end: float,
) -> None:
    """Let others say something short while one talks on."""
    rng, talk = planner.rng, planner.style.talk
    count = rng.poisson(talk.backchannels_per_second * (end - start))
    first = start + 0.2
    for at in sorted(rng.uniform(first, max(first, end), count).tolist()):
        others = [n for n in range(len(voices)) if n != speaker]
        voice = voices[int(rng.choice(others))]
        seconds = rng.uniform(*talk.backchannel_seconds)
        if voice.free_at < at:
            clip = voice.members[int(rng.integers(len(voice.members)))]
            level = voice.level + rng.uniform(*talk.backchannel_db)
            voice.pieces.append(
                _short(planner, clip, at, seconds, voice, level)
            )


def _short(
    planner: SourcePlanner,
    clip: Clip,
    at: float,
    seconds: float,
    voice: Voice,
    level: float,
) -> Piece:
    """A word or two: the beginning of a span, cut where it is too long."""
    clip = planner.followed(clip)
    first, last = clip.spans[int(planner.rng.integers(len(clip.spans)))]
    speed = float(voice.speed)
    begin = max(0.0, first - SPEECH_MARGIN)
    stop = min(last + SPEECH_MARGIN, begin + seconds * speed, clip.duration)
    gain = level - planner.pool.level(clip)
    return Piece(clip, at, (stop - begin) / speed, begin, voice.speed, gain)


def _gap(planner: SourcePlanner) -> float:
    """Seconds of silence between two turns; below 0 they overlap."""
    rng, talk = planner.rng, planner.style.talk
    if rng.random() < talk.interruption_probability:
        return -rng.uniform(*talk.interruption_seconds)
    return rng.uniform(*talk.turn_gap)
