"""From the labels of a corpus to our classes, through a closed vocabulary."""

from collections.abc import Mapping, Sequence

from pyannote.core import Annotation, Timeline

from explainable_seg.annotation.fields import quoted
from explainable_seg.classes import CLASSES, KNOWN_LABELS, parse_class
from explainable_seg.errors import AnnotationError

ClassMapping = Mapping[str, tuple[str, ...]]

# Both spellings of each of our own classes.
CLASS_LABELS: dict[str, tuple[str, ...]] = {
    label: (name,) for label, name in KNOWN_LABELS.items()
}


def label_mapping(labels: str | Sequence[str]) -> ClassMapping:
    """Both spellings of each class, of which a corpus annotates some.

    The labels of the others are known, and stand for none: their lines are
    passed over, and the classes stay unknown.

    Arguments
    ---------
    labels : str or Sequence[str]
        Classes, in either spelling, as a sequence or separated by commas.

    Returns
    -------
    ClassMapping

    Raises
    ------
    AnnotationError
        If one is no class of ours.

    Example
    -------
    >>> label_mapping("sp,ov")["overlap"], label_mapping("sp,ov")["mu"]
    (('overlap',), ())
    """
    if isinstance(labels, str):
        labels = [label.strip() for label in labels.split(",")]
    chosen = {parse_class(label, "the labels") for label in labels}
    return {
        label: classes if classes[0] in chosen else ()
        for label, classes in CLASS_LABELS.items()
    }


def class_spans(
    annotation: Annotation, mapping: ClassMapping, where: str
) -> dict[str, Timeline]:
    """Time of each class, merged.

    Arguments
    ---------
    annotation : Annotation
        Labelled turns, as :func:`~explainable_seg.annotation.rttm.read_rttm`
        gives them.
    mapping : Mapping[str, tuple[str, ...]]
        For each label of the corpus, in lower case, the classes that it
        stands for; an empty tuple for a label that is none of ours.
    where : str
        The file, for the message.

    Returns
    -------
    dict[str, Timeline]
        For each class that the mapping can give, in our order, its time in
        seconds, sorted and disjoint; empty if the class never occurs. A class
        that the mapping cannot give is unknown, hence not in the dictionary.

    Raises
    ------
    AnnotationError
        If a label is not in the mapping. No label is guessed: a stray
        ``no-music`` must not become speech.

    Example
    -------
    >>> from pyannote.core import Segment
    >>> turns = Annotation(uri="show")
    >>> turns[Segment(0, 2), 1] = "sm"
    >>> turns[Segment(2, 3), 2] = "sp"
    >>> scheme = {"sp": ("speech",), "sm": ("speech", "music")}
    >>> class_spans(turns, scheme, "show.rttm")["speech"]
    <Timeline(uri=show, segments=[<Segment(0, 3)>])>
    """
    found = {name for names in mapping.values() for name in names}
    spans = {c: Timeline(uri=annotation.uri) for c in CLASSES if c in found}
    for segment, track, label in annotation.itertracks(yield_label=True):
        key = str(label).lower()
        if key not in mapping:
            line = f":{track}" if isinstance(track, int) else ""
            raise AnnotationError(
                f"expected a label among {' '.join(mapping)}, got {quoted(str(label))}, "
                f"in {where}{line}; correct the label or choose other labels"
            )
        for name in mapping[key]:
            spans[name].add(segment)
    return {name: timeline.support() for name, timeline in spans.items()}


def class_annotation(
    spans: Mapping[str, Timeline], uri: str | None
) -> Annotation:
    """One annotation whose labels are the classes: the normalised form.

    Arguments
    ---------
    spans : Mapping[str, Timeline]
        Time of each class.
    uri : str
        The recording.

    Returns
    -------
    Annotation
        One track a span, labelled with the class.

    Example
    -------
    >>> from pyannote.core import Segment
    >>> spans = {"music": Timeline([Segment(1, 2)])}
    >>> class_annotation(spans, "show").labels()
    ['music']
    """
    annotation = Annotation(uri=uri)
    for name, timeline in spans.items():
        for segment in timeline:
            annotation[segment, name] = name
    return annotation
