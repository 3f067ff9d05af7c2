"""The sources of a scene, one by one: a voice, a bed, babble, a floor."""

from dataclasses import replace
from fractions import Fraction

import numpy as np

from explainable_seg.composer.clips import Clip
from explainable_seg.composer.pool import ClipPool
from explainable_seg.composer.style import Style, log_uniform
from explainable_seg.composer.textures import TONAL
from explainable_seg.composer.tracks import FLOOR, Piece, Texture, Track
from explainable_seg.errors import CorpusError

LOOP_FADE = 0.1  # seconds over which a bed that starts again is cross-faded
SHORTEST_BED = 0.5  # seconds of an audible clip that can be a bed
SPEECH_MARGIN = 0.1  # seconds of a clip kept around its speech
BABBLE = "babble"  # who speaks in the background: nobody in particular


class SourcePlanner:
    """Draws the sources of one programme.

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

    def bed(
        self,
        sort: str,
        start: float,
        end: float,
        level_db: float,
        sung_factor: float = 1.0,
    ) -> Track:
        """Music or noise; a clip that is too short begins again.

        Arguments
        ---------
        sort : str
            ``music``, ``noise`` or a sort of them, as ``a cappella``.
        start, end : float
            Seconds of the programme.
        level_db : float
            Level, dB re full scale, pauses left out.
        sung_factor : float
            Of the odds of music in which somebody sings.

        Returns
        -------
        Track
            Pieces that cover the time, cross-faded.
        """
        rng, style = self.rng, self.style
        clip = self.pool.draw(rng, sort, (), sung_factor)
        speed = self.speed(style.bed_speeds)
        fades = rng.uniform(*style.bed_fade, size=2)
        pieces: list[Piece] = []
        now = start
        while not pieces or end - pieces[-1].end > 2 * LOOP_FADE:
            if pieces:
                now = pieces[-1].end - LOOP_FADE
                if rng.random() < style.new_bed_probability:
                    clip = self.pool.draw(rng, sort, (), sung_factor)
            pieces.append(self._bed_piece(clip, now, end, speed, level_db))
        fade_in, fade_out = np.minimum(
            fades, [pieces[0].seconds / 2, pieces[-1].seconds / 2]
        ).tolist()
        pieces[0] = replace(pieces[0], fade_in=fade_in)
        pieces[-1] = replace(pieces[-1], fade_out=fade_out)
        return self.track(clip.label, clip.group, pieces)

    def tonal(self, start: float, end: float, level_db: float) -> Track:
        """Synthesised noise that has tones and yet is no music.

        Arguments
        ---------
        start, end : float
            Seconds of the programme.
        level_db : float
            dB re full scale.

        Returns
        -------
        Track
        """
        kinds = list(TONAL)
        kind = kinds[int(self.rng.integers(len(kinds)))]
        fades = self.rng.uniform(*self.style.bed_fade, size=2)
        fade_in, fade_out = np.minimum(fades, (end - start) / 2).tolist()
        texture = Texture(kind, start, end - start, level_db, fade_in, fade_out)
        return Track("noise", kind, (texture,))

    def babble(self, start: float, end: float, level_db: float) -> list[Track]:
        """Voices in the background, of which none is understood: noise.

        Arguments
        ---------
        start, end : float
            Seconds of the programme.
        level_db : float
            Of all together, dB re full scale.

        Returns
        -------
        list[Track]
            Of noise, each a voice; whether there is speech besides is unsure.
        """
        rng = self.rng
        count = int(rng.integers(*self.style.babble_voices, endpoint=True))
        room = rng.uniform(*self.style.room.rt60), self.style.room.direct_db[0]
        level_db -= 10 * np.log10(count)
        tracks = []
        for _ in range(count):
            clip = self.pool.draw(rng, "speech")
            voice = self.voice(clip, start, end, level_db + rng.uniform(-3, 3))
            tracks.append(
                Track(
                    "noise",
                    BABBLE,
                    voice.pieces,
                    room=room,
                    unsure=("speech",),
                )
            )
        return tracks

    def floor(self, kind: str, start: float, end: float, level: float) -> Track:
        """The sound of a room or a line, which is no event of any class.

        Arguments
        ---------
        kind : str
            ``room``, ``hiss`` or ``hum``.
        start, end : float
            Seconds of the programme.
        level : float
            dB re full scale; loud ones may be noise to some listeners.

        Returns
        -------
        Track
        """
        unsure = ("noise",) if level > self.style.unsure_db else ()
        texture = Texture(kind, start, end - start, level)
        return Track(FLOOR, kind, (texture,), unsure=unsure)

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
        speed = self.speed(style.voice_speeds)
        members = self.pool.members(clip)
        pieces: list[Piece] = []
        now = start
        while end - now > style.shortest_utterance:
            pieces.append(self.utterance(clip, now, end, speed, level_db))
            now = pieces[-1].end + self._pause()
            clip = members[int(rng.integers(len(members)))]
        return self.track("speech", clip.group, pieces)

    def utterance(
        self, clip: Clip, at: float, end: float, speed: Fraction, level: float
    ) -> Piece:
        """A clip, or as many of its spans as the time allows.

        Arguments
        ---------
        clip : Clip
            Of speech.
        at, end : float
            Seconds of the programme.
        speed : Fraction
            Seconds of the clip for a second of the programme.
        level : float
            dB re full scale.

        Returns
        -------
        Piece
            From ``at`` on, not beyond ``end``.
        """
        clip = self.followed(clip)
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

    def followed(self, clip: Clip) -> Clip:
        """The clip, with spans that leave its pauses out if the style says."""
        style = self.style
        if style.pause_db == 0:
            return clip
        return self.pool.following_voice(
            clip, style.pause_db, style.shortest_pause
        )

    def speed(self, speeds: tuple[Fraction, ...]) -> Fraction:
        """One of the speeds, or the clip's own."""
        if self.rng.random() >= self.style.speed_probability:
            return Fraction(1)
        return speeds[int(self.rng.integers(len(speeds)))]

    def track(self, label: str, group: str, pieces: list[Piece]) -> Track:
        """A track with the tone and the room of its source."""
        rng, style = self.rng, self.style
        tone = room = None
        if rng.random() < style.source_tone_probability:
            tone = style.source_tone.draw(rng)
        in_room = style.room_probability if label == "speech" else 0.0
        if pieces and "a cappella" in pieces[0].clip.sorts():
            in_room = style.bed_room_probability
        if (label == "speech" or in_room > 0) and rng.random() < in_room:
            room = (rng.uniform(*style.rt60), rng.uniform(*style.direct_db))
        return Track(label, group, tuple(pieces), tone, room)

    def _pause(self) -> float:
        """Seconds from one utterance to the next."""
        rng, style = self.rng, self.style
        chance = style.long_pause_probability
        if chance > 0 and rng.random() < chance:
            return log_uniform(style.long_pause, rng)
        return rng.uniform(*style.pause)

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
