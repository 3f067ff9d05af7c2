"""One pass over a recording for all that is said of it, and the reasons."""

from dataclasses import dataclass

from explainable_seg.errors import ExplainableSegError
from explainable_seg.explanation.explanation import Explanation, explain_class
from explainable_seg.explanation.reading import Reading, StudentWeights
from explainable_seg.inference.segmentation import Segmentation
from explainable_seg.nmf import sparse_code

CODE_SWEEPS = 20  # of the sparse code that activations are compared with


@dataclass(frozen=True, eq=False)
class Analysis:
    """All that the student says of a recording, from one pass over it.

    Arguments
    ---------
    segmentation : Segmentation
        What was found.
    reading : Reading
        Audio, spectrogram, activations and logits of the whole recording.
    """

    segmentation: Segmentation
    reading: Reading


def explain_analysis(
    analysis: Analysis,
    weights: StudentWeights,
    mu: float,
    label: str,
    start: float | None = None,
    end: float | None = None,
) -> Explanation:
    """Say why a class was found, or not, in what was analysed.

    Arguments
    ---------
    analysis : Analysis
        Of the whole recording.
    weights : StudentWeights
        Of the student that made it.
    mu : float
        Sparsity weight of the code that activations are compared with.
    label : str
        One of the classes that the student was trained for.
    start : float, optional
        Start of the span, seconds.
    end : float, optional
        End of the span, seconds; without both, the frames where the class was
        found.

    Returns
    -------
    Explanation

    Raises
    ------
    ExplainableSegError
        If the span is none, or the class was not found and there is no span.
    """
    found = analysis.segmentation
    return explain_class(
        analysis.reading,
        weights,
        label,
        start,
        end,
        spans={name: found.spans(name) for name in found.labels},
        transform=lambda X, W: sparse_code(X, W, mu, CODE_SWEEPS),
    )


def check_span(start: float | None, end: float | None) -> None:
    """Raise if a span ends before it starts, before any work is done on it.

    Arguments
    ---------
    start : float, optional
        Seconds.
    end : float, optional
        Seconds.

    Raises
    ------
    ExplainableSegError
        If there are both and the end is not after the start.
    """
    if start is not None and end is not None and not start < end:
        raise ExplainableSegError(
            f"expected an end after the start, got {start:g} to {end:g} s, in "
            "the span to explain; swap or change them"
        )
