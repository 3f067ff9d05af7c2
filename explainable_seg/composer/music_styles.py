"""Styles of music as data: who plays what, on which chords, to which beat.

Instruments are General MIDI programmes, counted from 0: those of which symusic
0.5.9 plays every note that a piece may hold (the whistle, 78, comes out as ever
growing numbers, and the alto saxophone, 65, lacks a note). A drum pattern is a
bar cut into equal steps: ``x`` is a strong blow, ``o`` a weak one.
"""

from dataclasses import dataclass

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "harmonic": (0, 2, 3, 5, 7, 8, 11),
}

# Keys: notes of the General MIDI percussion map (36 bass drum, 37 side stick,
# 38 snare, 39 clap, 42 closed hi-hat, 44 pedal hi-hat, 46 open hi-hat,
# 49 crash, 51 ride, 62 to 64 congas, 70 maracas, 54 tambourine).
DRUMS: dict[str, dict[int, str]] = {
    "rock": {
        36: "x.......x.x.....",
        38: "....x.......x...",
        42: "x.o.x.o.x.o.x.o.",
    },
    "ballad": {
        36: "x.......x.......",
        37: "....x.......x...",
        51: "o.o.o.o.o.o.o.o.",
    },
    "house": {
        36: "x...x...x...x...",
        39: "....x.......x...",
        42: "oooooooooooooooo",
        46: "..x...x...x...x.",
    },
    "break": {
        36: "x.x.......xx....",
        38: "....x..o.o..x..o",
        42: "x.x.x.x.x.x.x.x.",
    },
    "swing": {36: "o.....o.....", 44: "...x.....x..", 51: "x..x.ox..x.o"},
    "waltz": {36: "x.....", 42: "..o.o.", 38: "..o.o."},
    "march": {
        36: "x...x...x...x...",
        38: "x.oox.oox.ooxooo",
        49: "x...............",
    },
    "bossa": {
        36: "x..xx..xx..xx..x",
        37: "x..x..x...x..x..",
        42: "oooooooooooooooo",
    },
    "reggae": {
        36: "........x.......",
        37: "........x.......",
        42: "o.x.o.x.o.x.o.x.",
    },
    "latin": {
        62: "..x...x...x..ox.",
        63: "x...o...x...o.o.",
        64: "......xx......xx",
        70: "xoxoxoxoxoxoxoxo",
    },
    "tambourine": {54: "x.o.x.o.x.o.x.o.", 36: "x.......x......."},
}


@dataclass(frozen=True)
class MusicStyle:
    """A style of music.

    Arguments
    ---------
    beats : int
        Beats of a bar.
    tempo : tuple[int, int]
        Slowest and fastest, beats a minute.
    scales : tuple[str, ...]
        Keys of :data:`SCALES`.
    progressions : tuple[str, ...]
        The chord of each bar as a degree of the scale, ``"1564"``.
    melody, chords, bass : tuple[int, ...]
        Programmes for each role; empty when nobody has it.
    comping : tuple[str, ...]
        How the chords are played: ``held``, ``beats``, ``offbeats``,
        ``arpeggio`` or ``strum``.
    bass_lines : tuple[str, ...]
        How the bass plays: ``held``, ``fifths``, ``walking``, ``eighths``.
    drums : tuple[str, ...]
        Keys of :data:`DRUMS`; empty when nobody drums.
    rhythms : tuple[str, ...]
        The melody's notes of a bar, in eighths: ``"2112 2"`` lasts two, one,
        one and two, then rests for one, then lasts two.
    sevenths : bool
        Whether chords have four notes.
    alone : bool
        Whether one player has both the melody and the chords.
    """

    beats: int
    tempo: tuple[int, int]
    scales: tuple[str, ...]
    progressions: tuple[str, ...]
    melody: tuple[int, ...] = ()
    chords: tuple[int, ...] = ()
    bass: tuple[int, ...] = ()
    comping: tuple[str, ...] = ("held",)
    bass_lines: tuple[str, ...] = ("held",)
    drums: tuple[str, ...] = ()
    rhythms: tuple[str, ...] = ("2222", "44", "2114")
    sevenths: bool = False
    alone: bool = False


STYLES: dict[str, MusicStyle] = {
    "pop": MusicStyle(
        beats=4,
        tempo=(90, 128),
        scales=("major", "minor"),
        progressions=("1564", "6415", "1645", "14564415"),
        melody=(11, 26, 52, 64, 73, 80, 81),
        chords=(0, 4, 5, 25, 27, 50),
        bass=(33, 34, 38),
        comping=("strum", "beats", "arpeggio"),
        bass_lines=("eighths", "fifths"),
        drums=("rock", "break", "ballad", "tambourine"),
        rhythms=("1121111", "2211 1", "3122", " 11113"),
    ),
    "rock": MusicStyle(
        beats=4,
        tempo=(110, 160),
        scales=("minor", "mixolydian", "dorian"),
        progressions=("1417", "1674", "1154", "1731"),
        melody=(29, 30, 18, 16),
        chords=(27, 29, 30, 18),
        bass=(33, 34, 36),
        comping=("strum", "beats"),
        bass_lines=("eighths",),
        drums=("rock", "break"),
        rhythms=("11111111", "3311", "2222", "2 1121"),
    ),
    "waltz": MusicStyle(
        beats=3,
        tempo=(120, 180),
        scales=("major", "harmonic"),
        progressions=("1155", "1451", "1625", "11445511"),
        melody=(21, 40, 22, 71, 73, 105),
        chords=(0, 21, 24, 48),
        bass=(32, 43, 58),
        comping=("offbeats",),
        bass_lines=("held", "fifths"),
        drums=("waltz",),
        rhythms=("222", "42", "11112", "6"),
    ),
    "march": MusicStyle(
        beats=4,
        tempo=(104, 126),
        scales=("major",),
        progressions=("1151", "1451", "1425", "15614251"),
        melody=(56, 72, 60, 61, 68),
        chords=(57, 60, 61, 66),
        bass=(58, 43),
        comping=("offbeats", "beats"),
        bass_lines=("fifths",),
        drums=("march",),
        rhythms=("3131", "2222", "211211", "44"),
    ),
    "ambient": MusicStyle(
        beats=4,
        tempo=(55, 80),
        scales=("major", "dorian", "minor"),
        progressions=("1414", "1643", "16", "1526"),
        melody=(91, 98, 99, 14, 75, 88),
        chords=(49, 89, 92, 94, 95, 54),
        bass=(39, 89),
        comping=("held",),
        bass_lines=("held",),
        rhythms=("8", "44", "  6", "62"),
    ),
    "jazz": MusicStyle(
        beats=4,
        tempo=(95, 190),
        scales=("major", "dorian", "minor"),
        progressions=("1625", "2511", "36251625", "1425"),
        melody=(64, 66, 11, 56, 59, 71, 0),
        chords=(0, 4, 26, 16),
        bass=(32, 35),
        comping=("offbeats", "strum", "beats"),
        bass_lines=("walking",),
        drums=("swing",),
        rhythms=("11111111", "211 111", " 1112 1", "31 3"),
        sevenths=True,
    ),
    "electronic": MusicStyle(
        beats=4,
        tempo=(118, 140),
        scales=("minor", "dorian"),
        progressions=("1167", "1643", "1175", "16"),
        melody=(80, 81, 84, 87, 90),
        chords=(50, 62, 63, 81, 90),
        bass=(38, 39, 87),
        comping=("arpeggio", "offbeats", "strum"),
        bass_lines=("eighths",),
        drums=("house", "break"),
        rhythms=("11111111", "121121", "3311", "1 1 1 11"),
    ),
    "bossa": MusicStyle(
        beats=4,
        tempo=(110, 150),
        scales=("major", "minor"),
        progressions=("1625", "1127", "1425", "6251"),
        melody=(73, 24, 64, 11),
        chords=(24, 25, 4),
        bass=(32, 33),
        comping=("strum",),
        bass_lines=("fifths",),
        drums=("bossa", "latin"),
        rhythms=("3122", "12212", " 3 21", "44"),
        sevenths=True,
    ),
    "reggae": MusicStyle(
        beats=4,
        tempo=(68, 92),
        scales=("major", "minor", "dorian"),
        progressions=("1414", "1564", "1245"),
        melody=(66, 57, 16, 114),
        chords=(16, 27, 28, 0),
        bass=(33, 35),
        comping=("offbeats",),
        bass_lines=("walking", "fifths"),
        drums=("reggae",),
        rhythms=("2 1121", "112 12", "44", " 1114"),
    ),
    "folk": MusicStyle(
        beats=4,
        tempo=(84, 132),
        scales=("major", "mixolydian", "dorian"),
        progressions=("1415", "1715", "1541", "11441155"),
        melody=(22, 40, 74, 75, 79, 109, 110),
        chords=(24, 25, 46, 105),
        bass=(32, 42),
        comping=("arpeggio", "strum"),
        bass_lines=("fifths", "held"),
        drums=("tambourine",),
        rhythms=("211211", "1111 21", "3131", "2222"),
    ),
    "baroque": MusicStyle(
        beats=4,
        tempo=(72, 108),
        scales=("major", "harmonic"),
        progressions=("1451", "14736251", "1625", "1514"),
        melody=(40, 41, 68, 73, 74, 19),
        chords=(6, 19, 45, 48),
        bass=(42, 70, 43),
        comping=("arpeggio", "beats"),
        bass_lines=("walking", "eighths"),
        rhythms=("11111111", "211211", "1111 21", "3131"),
    ),
    "hymn": MusicStyle(
        beats=4,
        tempo=(60, 84),
        scales=("major", "minor"),
        progressions=("1451", "1645", "15614151"),
        melody=(52, 53, 19, 20, 60, 68),
        chords=(19, 20, 49, 52),
        bass=(19, 43, 58),
        comping=("held", "beats"),
        bass_lines=("held", "walking"),
        rhythms=("2222", "44", "62", "2114"),
    ),
    "lullaby": MusicStyle(
        beats=3,
        tempo=(66, 96),
        scales=("major",),
        progressions=("1415", "1645", "1425"),
        melody=(8, 10, 11, 12, 108),
        chords=(10, 46, 12, 24, 107),
        comping=("arpeggio", "held"),
        rhythms=("222", "42", "2112", "6"),
    ),
    "solo": MusicStyle(
        beats=4,
        tempo=(66, 126),
        scales=("major", "minor", "dorian", "harmonic"),
        progressions=("1645", "1451", "15634145", "1415"),
        melody=(0, 2, 3, 6, 15, 21, 24, 25, 46, 104, 106, 107),
        comping=("arpeggio", "beats", "held", "strum"),
        rhythms=("211211", "2222", "3122", " 1114", "44"),
        alone=True,
    ),
    "recital": MusicStyle(
        beats=4,
        tempo=(60, 120),
        scales=("major", "minor", "harmonic", "dorian"),
        progressions=("1645", "1451", "1415"),
        melody=(40, 41, 42, 56, 60, 64, 67, 68, 70, 71, 72, 73, 74, 77, 111),
        rhythms=("211211", "2222", "3122", "62", "1111 21", "44"),
    ),
}
