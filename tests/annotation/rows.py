"""Labelled spans in tenths of a millisecond: what every writer can write."""

from hypothesis import strategies as st
from pyannote.core import Annotation, Segment

from explainable_seg.annotation.fields import composed

# No blanks, which writers replace, no characters of control, and accents as
# writers write them.
NAMES = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1
).map(composed)

TURNS = st.lists(
    st.tuples(st.integers(0, 10**8), st.integers(1, 10**6), NAMES).map(
        lambda row: (row[0], row[0] + row[1], row[2])
    ),
    max_size=8,
)


def annotate(rows, uri="show"):
    """An annotation of (start, end, label)."""
    annotation = Annotation(uri=uri)
    for track, (start, end, label) in enumerate(rows):
        annotation[Segment(start / 1e4, end / 1e4), track] = label
    return annotation


def ticks(annotation):
    """Sorted (start, end, label) of an annotation."""
    return sorted(
        (round(segment.start * 1e4), round(segment.end * 1e4), label)
        for segment, _, label in annotation.itertracks(yield_label=True)
    )
