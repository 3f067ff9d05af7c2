"""A style closer to what is on the air and in rooms than programmes are.

It adds to the default style what models were seen to get wrong on recordings
as they are: pauses that are filled, talk in rooms, singing taken for speech,
beds that duck, tones that are no music, single voices taken for two, quiet
rooms, and lines and records of little bandwidth.
"""

from explainable_seg.composer.augment import Augment
from explainable_seg.composer.style import SceneKind, Style

ON_AIR = Style(
    scenes=(
        SceneKind("speech", 9, (4.0, 20.0), 1),
        SceneKind("speech in a room", 5, (4.0, 16.0), 1, in_room=1.0),
        SceneKind("speech in a band", 2, (4.0, 16.0), 1, in_band=1.0),
        SceneKind("music", 7, (6.0, 22.0), 0, ("music",)),
        SceneKind("jingle", 2, (1.5, 6.0), 0, ("music",)),
        SceneKind("short jingle", 2, (0.7, 4.0), 0, ("jingle",)),
        SceneKind("song", 2, (4.0, 16.0), 0, ("song",)),
        SceneKind("a cappella", 4, (2.0, 12.0), 0, ("a cappella",)),
        SceneKind("singing, crowd", 1, (4.0, 12.0), 0, ("a cappella", "crowd")),
        SceneKind(
            "singing, band", 1, (4.0, 12.0), 0, ("a cappella", "instrumental")
        ),
        SceneKind("noise", 9, (4.0, 22.0), 0, ("noise",)),
        SceneKind("tonal noise", 3, (3.0, 16.0), 0, ("tonal",)),
        SceneKind("speech over music", 13, (6.0, 24.0), 1, ("music",)),
        SceneKind("speech over song", 2, (6.0, 20.0), 1, ("song",)),
        SceneKind("speech over noise", 13, (6.0, 24.0), 1, ("noise",)),
        SceneKind("speech over tonal", 2, (5.0, 18.0), 1, ("tonal",)),
        SceneKind("speech over babble", 3, (5.0, 18.0), 1, ("babble",)),
        SceneKind("jingle, speech", 2, (3.0, 12.0), 1, ("jingle",), intro=True),
        SceneKind("intro, speech", 1, (3.0, 12.0), 1, ("music",), intro=True),
        SceneKind("music and noise", 1.5, (6.0, 18.0), 0, ("music", "noise")),
        SceneKind("two voices", 4, (4.0, 14.0), 2),
        SceneKind("two voices over music", 2, (6.0, 18.0), 2, ("music",)),
        SceneKind("two voices over noise", 1, (6.0, 18.0), 2, ("noise",)),
        SceneKind(
            "talk", 7, (5.0, 20.0), 4, talk=True, in_room=0.85, in_band=0.15
        ),
        SceneKind(
            "talk over noise", 2, (6.0, 18.0), 3, ("noise",), True, in_room=0.6
        ),
        SceneKind("speech over both", 1, (6.0, 18.0), 1, ("music", "noise")),
        SceneKind("silence", 4, (0.5, 4.0)),
        SceneKind("quiet room", 3, (1.0, 8.0), in_room=1.0),
    ),
    pause_db=28.0,
    shortest_pause=0.5,
    long_pause_probability=0.6,
    ground_probability=0.3,
    unsure_db=-45.0,
    sung_factor=3.0,
    bed_room_probability=0.5,
    duck_probability=0.4,
)
"""Programmes as they are on the air, and talk as it is in rooms."""

ON_AIR_AUGMENT = Augment(
    codec_probability={
        "mp3": 0.04,
        "opus": 0.01,
        "gsm": 0.03,
        "mu-law": 0.015,
        "8 bit": 0.015,
    },
    radio_probability=0.03,
    record_probability=0.03,
)
"""What may happen to a chunk on its way: codecs, short waves, old records."""

STYLES: dict[str, Style] = {
    "programmes": Style(),
    # Programmes in which no pause is speech.
    "pauses": Style(
        pause_db=ON_AIR.pause_db, shortest_pause=ON_AIR.shortest_pause
    ),
    "on_air": ON_AIR,
}
"""Styles by name."""

AUGMENTS: dict[str, Augment] = {
    "programmes": Augment(),
    "on_air": ON_AIR_AUGMENT,
}
"""What may happen to chunks each time they are drawn, by name."""
