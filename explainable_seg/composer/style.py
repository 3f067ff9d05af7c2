"""How programmes are made: kinds of scene, levels, pauses, rooms, channels.

The defaults follow what was measured on the training part of recorded
programmes of known make: the seconds of each joint state (a voice alone, a
voice over music, ...), beds 2 dB above to 18 dB below the voice, beds that
start 0.3 to 3 s before the voice, digital silence between scenes, levels of
-30 to -20 dB re full scale. Tone, rooms, channels and speeds go beyond that,
so that a model does not lean on what its clips happen to sound like.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from explainable_seg.composer.acoustics import Tone
from explainable_seg.errors import CorpusError

Range = tuple[float, float]  # drawn uniformly


@dataclass(frozen=True)
class SceneKind:
    """A kind of scene: how many voices over which beds, and for how long.

    Arguments
    ---------
    name : str
        What to call it.
    weight : float
        Odds among the scenes (not among the seconds).
    seconds : tuple[float, float]
        Range of the duration.
    voices : int
        Voices, those after the first speak over it.
    beds : tuple[str, ...]
        ``music``, ``noise``, a sort of clips (``a cappella``, ``song``,
        ``instrumental``, ``jingle``, ``crowd``), what is synthesised
        (``tonal``), or ``babble``: voices far below, which are noise.
    talk : bool
        Two voices, or up to ``voices``, take turns as people in a room do,
        rather than speak over the first one; see :class:`Talk`.
    intro : bool
        The bed is a short piece of music: voices follow when it ends.
    in_room : float
        How often all voices are in one room, which has a floor; see
        :class:`Room`.
    in_band : float
        How often all of it comes through one narrow band.
    """

    name: str
    weight: float
    seconds: Range
    voices: int = 0
    beds: tuple[str, ...] = ()
    talk: bool = False
    intro: bool = False
    in_room: float = 0.0
    in_band: float = 0.0

    def needs(self) -> set[str]:
        """Labels and sorts of clips that it is made of."""
        clips = set(self.beds)
        if self.voices or "babble" in clips:
            clips.add("speech")
        return clips - {"tonal", "babble"}


SCENES: tuple[SceneKind, ...] = (
    SceneKind("speech", 15, (4.0, 20.0), 1),
    SceneKind("music", 7.5, (6.0, 22.0), 0, ("music",)),
    SceneKind("jingle", 3, (1.5, 6.0), 0, ("music",)),
    SceneKind("noise", 10.5, (4.0, 22.0), 0, ("noise",)),
    SceneKind("speech over music", 15, (6.0, 24.0), 1, ("music",)),
    SceneKind("speech over noise", 17, (6.0, 24.0), 1, ("noise",)),
    SceneKind("music and noise", 1.5, (6.0, 18.0), 0, ("music", "noise")),
    SceneKind("two voices", 8, (4.0, 14.0), 2),
    SceneKind("two voices over music", 2, (6.0, 18.0), 2, ("music",)),
    SceneKind("two voices over noise", 1, (6.0, 18.0), 2, ("noise",)),
    SceneKind("speech over both", 1, (6.0, 18.0), 1, ("music", "noise")),
    SceneKind("silence", 6, (0.5, 4.0)),
)


@dataclass(frozen=True)
class ToneRange:
    """Ranges from which a :class:`Tone` is drawn.

    Arguments
    ---------
    tilt_db : tuple[float, float]
        dB an octave.
    low_hz, high_hz : tuple[float, float]
        Cuts, drawn on a logarithmic scale.
    peak_db, peak_hz : tuple[float, float]
        A peak or dip.
    cut_probability : float
        How often each cut is there.
    """

    tilt_db: Range = (-2.0, 2.0)
    low_hz: Range = (50.0, 300.0)
    high_hz: Range = (3200.0, 7800.0)
    peak_db: Range = (-8.0, 8.0)
    peak_hz: Range = (150.0, 6000.0)
    cut_probability: float = 0.2

    def draw(self, rng: np.random.Generator) -> Tone:
        """A tone from these ranges."""
        low = log_uniform(self.low_hz, rng)
        high = log_uniform(self.high_hz, rng)
        cut_low, cut_high = rng.random(2) < self.cut_probability
        return Tone(
            tilt_db=rng.uniform(*self.tilt_db),
            low_hz=low if cut_low else 0.0,
            high_hz=high if cut_high else 8000.0,
            peak_db=rng.uniform(*self.peak_db),
            peak_hz=log_uniform(self.peak_hz, rng),
        )


@dataclass(frozen=True)
class Band:
    """A narrow band, as of a telephone: steep, for nothing is sent beyond it.

    Arguments
    ---------
    low_hz, high_hz : tuple[float, float]
        Where it begins and ends.
    """

    low_hz: Range = (150.0, 500.0)
    high_hz: Range = (2200.0, 4500.0)

    def draw(self, rng: np.random.Generator) -> Tone:
        """A tone from these ranges."""
        return Tone(
            low_hz=rng.uniform(*self.low_hz),
            high_hz=rng.uniform(*self.high_hz),
            low_order=4,
            high_order=20,
        )


@dataclass(frozen=True)
class Talk:
    """How people talk with each other.

    Arguments
    ---------
    turn_seconds : tuple[float, float]
        How long one has the word, drawn on a logarithmic scale.
    turn_gap : tuple[float, float]
        Seconds from the end of a turn to the next; below 0 they overlap.
    interruption_probability, interruption_seconds : float, tuple[float, float]
        How often somebody begins while another one talks on, and for how long.
    backchannels_per_second : float
        How often another one says something short, meanwhile.
    backchannel_seconds : tuple[float, float]
        How long that is.
    backchannel_db : tuple[float, float]
        Its level re what else that voice says.
    pause : tuple[float, float]
        Seconds between the utterances of a turn.
    other_db : tuple[float, float]
        Level of the others re the first voice.
    far_probability, far_db : float, tuple[float, float]
        How often somebody is far from the microphone, and the level then.
    """

    turn_seconds: Range = (1.2, 12.0)
    turn_gap: Range = (-0.6, 0.6)
    interruption_probability: float = 0.12
    interruption_seconds: Range = (0.4, 1.5)
    backchannels_per_second: float = 0.09
    backchannel_seconds: Range = (0.25, 1.2)
    backchannel_db: Range = (-8.0, 1.0)
    pause: Range = (0.1, 0.7)
    other_db: Range = (-14.0, 4.0)
    far_probability: float = 0.1
    far_db: Range = (-22.0, -14.0)


@dataclass(frozen=True)
class Room:
    """A place where all of a scene is.

    Arguments
    ---------
    rt60 : tuple[float, float]
        Reverberation time, seconds.
    direct_db : tuple[float, float]
        Direct sound over tail for the microphone's place, dB.
    nearer_db : tuple[float, float]
        How much nearer a single voice is, dB of the same.
    floor_db : tuple[float, float]
        Its own sound below voices, dB re full scale.
    quiet_db : tuple[float, float]
        The same where nobody speaks.
    floors : tuple[str, ...]
        Kinds of it, drawn alike: ``room``, ``hiss`` or ``hum``.
    """

    rt60: Range = (0.15, 1.0)
    direct_db: Range = (-6.0, 10.0)
    nearer_db: Range = (-4.0, 4.0)
    floor_db: Range = (-60.0, -35.0)
    quiet_db: Range = (-65.0, -40.0)
    floors: tuple[str, ...] = ("room", "room", "room", "hum", "hiss")


@dataclass(frozen=True)
class Style:
    """How a :class:`Composer` makes programmes; ranges are drawn uniformly.

    Arguments
    ---------
    scenes : tuple[SceneKind, ...]
        Kinds of scene.
    gap_probability, gap_seconds : float, tuple[float, float]
        Silence between scenes.
    voice_db : tuple[float, float]
        Level of the voices of a programme, dB re full scale, pauses left out.
    scene_db : tuple[float, float]
        Of a scene re the programme, dB.
    bed_below_db : tuple[float, float]
        How far a bed lies below the voice.
    alone_db : tuple[float, float]
        Level of music or noise alone, re the voices.
    second_bed_below_db : tuple[float, float]
        How far noise lies below music, beyond the above.
    bed_head, bed_tail : tuple[float, float]
        Seconds of a bed before and after the voice.
    bed_cut_probability : float
        How often a bed comes or goes while somebody speaks instead.
    bed_fade : tuple[float, float]
        Seconds of its fades.
    new_bed_probability : float
        How often a clip that is too short is followed by another one of its
        label rather than by itself.
    pause : tuple[float, float]
        Seconds between utterances.
    shortest_utterance : float
        Seconds; no utterance begins with less than that to the scene's end.
    second_voice_after, second_voice_db : tuple[float, float]
        When a second voice sets in (s) and its level re the first (dB).
    speed_probability : float
        How often a source is played faster or slower.
    voice_speeds, bed_speeds : tuple[Fraction, ...]
        By how much; prime factors up to 5 are fast.
    source_tone_probability, source_tone : float, ToneRange
        Spectral shape of single sources.
    room_probability, rt60, direct_db : float and two ranges
        Reverberation of voices: seconds, and direct sound over tail in dB.
    channel_probability, channel_tone : float, ToneRange
        Spectral shape of whole programmes.
    clip_probability, drive_db : float, tuple[float, float]
        Soft clipping: how far the peak is driven above full scale.
    floor_probability, floor_db : float, tuple[float, float]
        Broadband hiss, dB re full scale.
    pause_db, shortest_pause : float, float
        A stretch of a clip this far below its level (dB) and this long
        (seconds) is no speech; 0 dB takes the spans of the clips as they are.
    long_pause_probability, long_pause : float, tuple[float, float]
        How often a pause between utterances is drawn from this range instead,
        on a logarithmic scale; seconds.
    ground_probability, ground_db : float, tuple[float, float]
        How often the sound of a room or a line lies under a whole programme,
        pauses and all, and its level, dB re full scale. It is of no class.
    unsure_db : float
        From which level on nobody can say whether such a sound is noise.
    sung_factor : float
        Of the odds of music in which somebody sings, where nobody speaks.
    bed_room_probability : float
        How often a cappella is in a room.
    duck_probability, duck_db, duck_seconds : float and two ranges
        How often music under voices gives way to them, by how much (dB) and
        how smoothly (seconds).
    ducked_below_db : tuple[float, float]
        How far it lies below the voice then.
    duck_hold : float
        Seconds of a pause in which it stays down.
    intro_seconds, intro_gap : tuple[float, float]
        Length of such music, and from its end to the voice.
    babble_voices : tuple[int, int]
        Least and most voices of babble.
    babble_below_db : tuple[float, float]
        How far all of babble lies below the voice.
    talk : Talk
        How people talk with each other.
    room : Room
        Places where scenes are.
    band : Band
        Narrow bands through which scenes come.
    """

    scenes: tuple[SceneKind, ...] = SCENES
    gap_probability: float = 0.7
    gap_seconds: Range = (0.05, 1.0)
    voice_db: Range = (-31.0, -17.0)
    scene_db: Range = (-3.0, 3.0)
    bed_below_db: Range = (-2.0, 18.0)
    alone_db: Range = (-9.0, 4.0)
    second_bed_below_db: Range = (-6.0, 10.0)
    bed_head: Range = (0.2, 2.8)
    bed_tail: Range = (0.2, 2.2)
    bed_cut_probability: float = 0.15
    bed_fade: Range = (0.05, 0.5)
    new_bed_probability: float = 0.15
    pause: Range = (0.1, 1.1)
    shortest_utterance: float = 0.5
    second_voice_after: Range = (0.2, 3.0)
    second_voice_db: Range = (-7.0, 5.0)
    speed_probability: float = 0.4
    voice_speeds: tuple[Fraction, ...] = (
        Fraction(9, 10),
        Fraction(15, 16),
        Fraction(25, 24),
        Fraction(10, 9),
    )
    bed_speeds: tuple[Fraction, ...] = (
        Fraction(9, 10),
        Fraction(15, 16),
        Fraction(16, 15),
        Fraction(10, 9),
        Fraction(5, 4),
    )
    source_tone_probability: float = 0.3
    source_tone: ToneRange = ToneRange()
    room_probability: float = 0.15
    rt60: Range = (0.15, 0.8)
    direct_db: Range = (-3.0, 12.0)
    channel_probability: float = 0.3
    channel_tone: ToneRange = ToneRange(cut_probability=0.3)
    clip_probability: float = 0.05
    drive_db: Range = (0.0, 8.0)
    floor_probability: float = 0.35
    floor_db: Range = (-80.0, -55.0)
    pause_db: float = 0.0
    shortest_pause: float = 0.2
    long_pause_probability: float = 0.0
    long_pause: Range = (0.1, 2.5)
    ground_probability: float = 0.0
    ground_db: Range = (-75.0, -45.0)
    unsure_db: float = -50.0
    sung_factor: float = 1.0
    bed_room_probability: float = 0.0
    duck_probability: float = 0.0
    duck_db: Range = (8.0, 20.0)
    duck_seconds: Range = (0.2, 0.5)
    ducked_below_db: Range = (5.0, 25.0)
    duck_hold: float = 0.6
    intro_seconds: Range = (0.7, 4.0)
    intro_gap: Range = (-0.3, 0.3)
    babble_voices: tuple[int, int] = (4, 7)
    babble_below_db: Range = (12.0, 22.0)
    talk: Talk = Talk()
    room: Room = Room()
    band: Band = Band()

    def with_overlap(self, factor: float) -> "Style":
        """The same with more scenes, or fewer, in which two voices speak.

        Arguments
        ---------
        factor : float
            Of the odds of these scenes.

        Returns
        -------
        Style

        Example
        -------
        >>> [s.weight for s in Style().with_overlap(2.0).scenes if s.voices > 1]
        [16.0, 4.0, 2.0]
        """
        scenes = tuple(
            replace(kind, weight=kind.weight * factor)
            if kind.voices > 1
            else kind
            for kind in self.scenes
        )
        return replace(self, scenes=scenes)

    def playable(
        self, labels: Collection[str]
    ) -> tuple[list[SceneKind], np.ndarray]:
        """Kinds of scene that these labels suffice for, and their shares.

        Arguments
        ---------
        labels : Collection[str]
            Labels and sorts of which there are clips.

        Returns
        -------
        tuple[list[SceneKind], np.ndarray]
            Kinds with a weight above 0, and shares that sum to 1.

        Raises
        ------
        CorpusError
            If no kind of scene is left.
        """
        kinds = [
            kind
            for kind in self.scenes
            if kind.weight > 0 and kind.needs() <= set(labels)
        ]
        if not kinds:
            raise CorpusError(
                "expected clips for at least one kind of scene, got clips of "
                f"{' '.join(sorted(labels)) or 'nothing'}, in the pool of "
                "clips; add clips or kinds of scene"
            )
        weights = np.array([kind.weight for kind in kinds], dtype=float)
        return kinds, weights / weights.sum()


def log_uniform(bounds: Range, rng: np.random.Generator) -> float:
    """A draw that is uniform on a logarithmic scale."""
    return float(np.exp(rng.uniform(*np.log(bounds))))
