"""Plans of programmes: which scenes follow each other, who talks in them.

No audio is touched here.
"""

from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from explainable_seg.composer.clips import Clip
from explainable_seg.composer.pool import ClipPool
from explainable_seg.composer.sources import SPEECH_MARGIN, SourcePlanner
from explainable_seg.composer.style import SceneKind, Style, log_uniform
from explainable_seg.composer.tracks import Duck, Piece, Track, close_gaps
from explainable_seg.frames import Span


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
    kinds, shares = style.playable(pool.sorts())
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
    return tracks + _ground(duration, planner)


def _ground(duration: float, planner: "ScenePlanner") -> list[Track]:
    """What lies under a whole programme, pauses and all, at times."""
    rng, style = planner.rng, planner.style
    chance = style.ground_probability
    if chance == 0 or rng.random() >= chance:
        return []
    kind = str(rng.choice(style.room.floors))
    level = rng.uniform(*style.ground_db)
    # It begins before and ends later, so that no fade of it is heard.
    return [planner.floor(kind, -1.0, duration + 1.0, level)]


class ScenePlanner(SourcePlanner):
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
            Its beds, then its voices, then the floor of its room.
        """
        rng, style = self.rng, self.style
        level = self.voice_db + rng.uniform(*style.scene_db)
        voice_window = bed_window = (start, end)
        if kind.intro:
            voice_window, bed_window = self._intro_windows(start, end)
        elif kind.beds and kind.voices:
            voice_window, bed_window = self._windows(start, end)
        duck_db = self._duck_db(kind)
        beds: list[Track] = []
        for number, bed in enumerate(kind.beds):
            bed_db = self._bed_level(kind, bed, level, duck_db)
            if number > 0:
                bed_db -= rng.uniform(*style.second_bed_below_db)
            beds += self._beds(kind, bed, *bed_window, bed_db)
        if kind.talk:
            voices = conversation(self, kind.voices, *voice_window, level)
        else:
            voices = self._voices(kind.voices, *voice_window, level)
        if duck_db > 0:
            beds = [self._ducked(bed, voices, duck_db) for bed in beds]
        return self._somewhere(kind, beds + voices, start, end)

    def _beds(
        self,
        kind: SceneKind,
        bed: str,
        start: float,
        end: float,
        level_db: float,
    ) -> list[Track]:
        """The tracks of one bed of a scene."""
        if bed == "tonal":
            return [self.tonal(start, end, level_db)]
        if bed == "babble":
            return self.babble(start, end, level_db)
        # Voices over songs are as rare as they are on the air.
        sung_factor = 1.0 if kind.voices else self.style.sung_factor
        return [self.bed(bed, start, end, level_db, sung_factor)]

    def _bed_level(
        self, kind: SceneKind, bed: str, voice_db: float, duck_db: float
    ) -> float:
        """Level of a bed where it gives way to no voice."""
        rng, style = self.rng, self.style
        if not kind.voices:
            return voice_db + rng.uniform(*style.alone_db)
        if bed == "babble":
            return voice_db - rng.uniform(*style.babble_below_db)
        if duck_db > 0:
            return voice_db - rng.uniform(*style.ducked_below_db) + duck_db
        return voice_db - rng.uniform(*style.bed_below_db)

    def _duck_db(self, kind: SceneKind) -> float:
        """How far music gives way to the voices of a scene; 0 for not at all."""
        chance = self.style.duck_probability
        if chance == 0 or kind.intro or not kind.voices:
            return 0.0
        if "noise" in kind.beds or not kind.beds:
            return 0.0
        if self.rng.random() >= chance:
            return 0.0
        return self.rng.uniform(*self.style.duck_db)

    def _ducked(self, bed: Track, voices: list[Track], depth: float) -> Track:
        """A bed that lies lower while somebody speaks."""
        spans = [s for v in voices for p in v.pieces for s in p.spans()]
        held = close_gaps(spans, self.style.duck_hold)
        seconds = self.rng.uniform(*self.style.duck_seconds)
        return replace(bed, duck=Duck(tuple(held), depth, seconds))

    def _somewhere(
        self, kind: SceneKind, tracks: list[Track], start: float, end: float
    ) -> list[Track]:
        """The tracks in one room, with its floor, and through one band."""
        rng, style = self.rng, self.style
        if kind.in_room > 0 and rng.random() < kind.in_room:
            tracks = self._in_room(kind, tracks, start, end)
        if kind.in_band > 0 and rng.random() < kind.in_band:
            tone = style.band.draw(rng)
            tracks = [replace(track, tone=tone) for track in tracks]
        return tracks

    def _in_room(
        self, kind: SceneKind, tracks: list[Track], start: float, end: float
    ) -> list[Track]:
        """Voices in one room, each at its place, and the floor of the room."""
        rng, room = self.rng, self.style.room
        rt60, direct_db = rng.uniform(*room.rt60), rng.uniform(*room.direct_db)
        placed = []
        for track in tracks:
            if track.label == "speech":
                nearer = rng.uniform(*room.nearer_db)
                track = replace(track, room=(rt60, direct_db + nearer))
            placed.append(track)
        sound = str(rng.choice(room.floors))
        level = rng.uniform(*(room.floor_db if kind.voices else room.quiet_db))
        return [*placed, self.floor(sound, start, end, level)]

    def _intro_windows(self, start: float, end: float) -> tuple[Span, Span]:
        """When voices speak, and when the music before them sounds."""
        rng, style = self.rng, self.style
        stop = start + min(
            rng.uniform(*style.intro_seconds), 0.6 * (end - start)
        )
        return (stop + rng.uniform(*style.intro_gap), end), (start, stop)

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


def _pick(shares: np.ndarray, rng: np.random.Generator) -> int:
    """Index drawn with odds in proportion to the shares."""
    edges = np.cumsum(shares)
    index = np.searchsorted(edges, rng.random() * edges[-1], side="right")
    return min(int(index), len(edges) - 1)
