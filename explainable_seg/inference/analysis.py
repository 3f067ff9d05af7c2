"""One pass over a recording for all that is said of it, and the reasons."""

from dataclasses import dataclass

import numpy as np

from explainable_seg.brief import Brief
from explainable_seg.errors import AudioError, ExplainableSegError
from explainable_seg.explanation.explanation import Explanation, explain_class
from explainable_seg.explanation.reading import Reading, StudentWeights
from explainable_seg.frames import SAMPLE_RATE
from explainable_seg.inference.segmentation import Segmentation
from explainable_seg.nmf import sparse_code

LONGEST = 2 * 3600  # seconds that are explained: about 1 GB
CODE_SWEEPS = 20  # of the sparse code that activations are compared with


@dataclass(frozen=True, eq=False, repr=False)
class Analysis(Brief):
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


class HeldSound:
    """Sound of a recording that is held to explain it, up to a limit.

    Arguments
    ---------
    name : str
        The recording, for the message.
    """

    def __init__(self, name: str):
        self.name = name
        self.blocks: list[np.ndarray] = []
        self.n_samples = 0

    def add(self, block: np.ndarray) -> None:
        """Hold the next samples [N] too.

        Raises
        ------
        AudioError
            If the recording is longer than LONGEST.
        """
        self.n_samples += len(block)
        if self.n_samples > LONGEST * SAMPLE_RATE:
            raise AudioError(
                f"expected up to {LONGEST / 3600:g} h to explain, got more, in "
                f"{self.name or 'the audio'}; cut out the part to explain, and "
                "segment the whole"
            )
        self.blocks.append(block)

    def joined(self) -> np.ndarray:
        """All of it [shape=(N,)]."""
        return np.concatenate(self.blocks)


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
