"""The labels of OpenBMAT: relative loudness of music.

Three annotators labelled one-minute excerpts of television. What they said
lies on disk three times: as the export of their tool (``bat``), and, made from
it, as one TSV file an excerpt and as one JSON file; the latter two with the
original classes and with two coarser sets (MRLE, MD). A spelling means the
same wherever it stands.
"""

from explainable_seg.annotation.classes import ClassMapping

# Nothing is said of speech, noise and overlap: they are unknown in every
# frame, even where a label is "no-music".
BMAT_LABELS: ClassMapping = {
    "1_music": ("music",),
    "2_fgmusic": ("music",),
    "3_similar": ("music",),
    "4_bgmusic": ("music",),
    "5_bgmusicvl": ("music",),
    "6_nomusic": (),
    "music": ("music",),
    "fg-music": ("music",),
    "similar": ("music",),
    "bg-music": ("music",),
    "bgvl-music": ("music",),
    "no-music": (),
}
