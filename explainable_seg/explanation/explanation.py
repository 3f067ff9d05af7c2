"""Why a class was found in a passage: as numbers, as a spectrum, as sound."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from explainable_seg.brief import Brief
from explainable_seg.classes import class_index
from explainable_seg.explanation.grounding import (
    Coder,
    Grounding,
    measure_grounding,
    reconstruction_error,
)
from explainable_seg.explanation.listening import apply_mask, frame_gate
from explainable_seg.explanation.masks import class_mask
from explainable_seg.explanation.reading import Reading, StudentWeights
from explainable_seg.explanation.relevance import (
    peak_hz,
    relevance,
    select_atoms,
)
from explainable_seg.explanation.selection import Selector
from explainable_seg.explanation.spans import frames_to_explain
from explainable_seg.frames import Span, frame_targets
from explainable_seg.nmf.numerics import full_precision

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TOLERANCE = 1e-4  # of bias + sum of relevances against the mean logit


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(Brief):
    """Why a class was found, or not, in a passage of a recording.

    The passage runs from ``start`` to ``end``. The frames explained are those
    of ``explained``: all frames of a span that the user gave, else the frames
    where the class was found. Means are over these frames, and
    ``bias + relevance.sum() == logit_mean`` to 1e-4.

    Arguments
    ---------
    class_name : str
        One of the classes that the student was trained for.
    start : float
        Start of the passage, seconds.
    end : float
        End of the passage, seconds.
    explained : np.ndarray [shape=(T,), dtype=bool]
        Frames of the passage that are explained.
    found : np.ndarray [shape=(T,), dtype=bool]
        Frames of the passage where the class was found.
    spans : Mapping[str, Sequence[tuple[float, float]]]
        Where in the passage each class was found, in seconds.
    bias : float
        Bias of the class.
    logit_mean : float
        Mean logit of the class.
    reconstruction_error : float or None
        ``||X - W H|| / ||X||``; None in digital silence.
    z : np.ndarray [shape=(K,)]
        Mean activation of each atom.
    theta : np.ndarray [shape=(K,)]
        Weight of each atom for the class.
    relevance : np.ndarray [shape=(K,)]
        ``z * theta``, in units of the logit.
    selected : np.ndarray [shape=(K,), dtype=bool]
        Atoms in the picture and in the sound.
    peak_hz : np.ndarray [shape=(K,)]
        Peak frequency of each atom; NaN for an atom that is zero everywhere.
    spectrogram : np.ndarray [shape=(T, F), dtype=float32]
        What the selected atoms rebuild; zero in frames not explained.
    audio : np.ndarray [shape=(N,), dtype=float32]
        The selected atoms' share of the recording; silent in frames not
        explained.
    passage : Reading
        The passage as the student read it.
    weights : StudentWeights
        The student's dictionary and classifier.
    grounding : Grounding, optional
        Agreement with the sparse code of the sound, where it was measured.
    """

    class_name: str
    start: float
    end: float
    explained: np.ndarray
    found: np.ndarray
    spans: Mapping[str, Sequence[Span]]
    bias: float
    logit_mean: float
    reconstruction_error: float | None
    z: np.ndarray
    theta: np.ndarray
    relevance: np.ndarray
    selected: np.ndarray
    peak_hz: np.ndarray
    spectrogram: np.ndarray
    audio: np.ndarray
    passage: Reading
    weights: StudentWeights
    grounding: Grounding | None = None

    @property
    def n_frames(self) -> int:
        """Number of frames explained."""
        return int(self.explained.sum())

    @property
    def threshold(self) -> float | None:
        """Probability from which the class was found, if there is one."""
        return self.passage.rules.thresholds.get(self.class_name)

    @property
    def found_spans(self) -> Sequence[Span]:
        """Where in the passage the class was found, in seconds."""
        return self.spans.get(self.class_name, ())

    def to_dict(self) -> dict[str, Any]:
        """The explanation as ``explanation.json`` holds it, all K atoms."""
        return {
            "class": self.class_name,
            "start": self.start,
            "end": self.end,
            "frames": self.n_frames,
            "bias": self.bias,
            "logit_mean": self.logit_mean,
            "reconstruction_error": self.reconstruction_error,
            "atoms": [
                {
                    "index": k,
                    "relevance": float(self.relevance[k]),
                    "z": float(self.z[k]),
                    "theta": float(self.theta[k]),
                    "peak_hz": _number(self.peak_hz[k]),
                    "selected": bool(self.selected[k]),
                }
                for k in range(len(self.relevance))
            ],
        }

    def plot(self) -> "Figure":
        """Picture of the explanation: :func:`.pictures.plot_explanation`."""
        # Matplotlib is slow to import, and numbers and sound need none of it.
        from explainable_seg.explanation.pictures import plot_explanation

        return plot_explanation(self)

    @cached_property
    def picture(self) -> bytes:
        """The picture as a PNG file, rendered once for file and page."""
        from explainable_seg.explanation.pictures import render_picture

        return render_picture(self)

    def save(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write it to a folder: :func:`.saving.save_explanations`."""
        from explainable_seg.explanation.findings import Findings
        from explainable_seg.explanation.saving import save_explanations

        return save_explanations(folder, [self], Findings.of_passage(self))


@full_precision
def explain_class(
    reading: Reading,
    weights: StudentWeights,
    class_name: str,
    start: float | None = None,
    end: float | None = None,
    spans: Mapping[str, Sequence[Span]] | None = None,
    select: Selector = select_atoms,
    transform: Coder | None = None,
) -> Explanation:
    """Explain a class on a span, or where it was found.

    Arguments
    ---------
    reading : Reading
        The recording, or a part of it, as the student read it.
    weights : StudentWeights
        The student's dictionary and classifier.
    class_name : str
        One of the classes that the student was trained for.
    start : float, optional
        Start of the span in seconds; from the beginning if only ``end`` is
        given.
    end : float, optional
        End of the span in seconds; to the end if only ``start`` is given.
    spans : Mapping[str, Sequence[tuple[float, float]]], optional
        Where in the recording each class was found, seconds; used when no span
        is given. By default as the rules of the reading decide.
    select : callable
        Maps relevances [K] to the atoms to keep: the paper's threshold by
        default, or one of :mod:`.selection`.
    transform : callable, optional
        The NMF transform, ``transform(X, W)`` gives activations [T, K]; with
        it, the grounding is measured too.

    Returns
    -------
    Explanation

    Raises
    ------
    ExplainableSegError
        If the student was not trained for the class, the class was not found
        and no span is given, or the span holds no frame of the recording.
    ValueError
        If the logits are not the sums of the contributions.
    """
    c = class_index(class_name, weights.classes)
    if spans is None:
        spans = reading.decided_spans()
    there = [
        (first - reading.start, last - reading.start)
        for first, last in spans.get(class_name, ())
    ]
    found = frame_targets(there, reading.n_frames)
    chosen = frames_to_explain(
        class_name,
        found,
        None if start is None else start - reading.start,
        None if end is None else end - reading.start,
        reading.duration,
        reading.name,
    )
    passage = reading.passage(
        chosen.start, chosen.end, chosen.first, chosen.last
    )
    explained = torch.from_numpy(chosen.explained)
    W, theta_c = weights.dictionary, weights.theta[c]
    H, X = passage.activations[explained], passage.spectrogram[explained]
    r = relevance(H, theta_c)
    bias = float(weights.bias[c])
    logit_mean = passage.logits[explained, c].double().mean().item()
    _check_additivity(bias, r, logit_mean)
    selected = select(r)
    return Explanation(
        class_name=class_name,
        start=passage.start,
        end=reading.start + chosen.end,
        explained=chosen.explained,
        found=found[chosen.first : chosen.last],
        spans={
            name: _clipped(
                found_there, passage.start, reading.start + chosen.end
            )
            for name, found_there in spans.items()
        },
        bias=bias,
        logit_mean=logit_mean,
        reconstruction_error=reconstruction_error(X, W, H),
        z=H.double().mean(dim=0).numpy(),
        theta=theta_c.numpy(),
        relevance=r.numpy(),
        selected=selected.numpy(),
        peak_hz=peak_hz(W).numpy(),
        spectrogram=_explained_spectrogram(passage, W, selected, explained),
        audio=_explained_audio(passage, W, selected, explained),
        passage=passage,
        weights=weights,
        grounding=measure_grounding(X, W, H, transform) if transform else None,
    )


def _clipped(spans: Sequence[Span], start: float, end: float) -> list[Span]:
    """The parts of sorted spans that lie between two times."""
    cut = ((max(first, start), min(last, end)) for first, last in spans)
    return [(first, last) for first, last in cut if first < last]


def _explained_spectrogram(
    passage: Reading,
    W: torch.Tensor,
    selected: torch.Tensor,
    explained: torch.Tensor,
) -> np.ndarray:
    """What the selected atoms rebuild, zero outside the explained frames."""
    rebuilt = passage.activations[:, selected] @ W[:, selected].T
    return (rebuilt * explained[:, None]).numpy()


def _explained_audio(
    passage: Reading,
    W: torch.Tensor,
    selected: torch.Tensor,
    explained: torch.Tensor,
) -> np.ndarray:
    """The selected atoms' share of the audio, silent outside."""
    mask = class_mask(passage.activations, W, selected)
    masked = apply_mask(passage.audio, mask, passage.first_centre)
    gate = frame_gate(
        explained.numpy(), len(passage.audio), passage.first_centre
    )
    return masked * gate


def _check_additivity(bias: float, r: torch.Tensor, logit_mean: float) -> None:
    """Refuse to explain logits that are no sums of these contributions."""
    gap = abs(bias + r.sum().item() - logit_mean)
    if not gap <= TOLERANCE:
        raise ValueError(
            f"expected bias + relevances = mean logit to {TOLERANCE}, got a "
            f"gap of {gap:.2g}: the logits are not H Theta' + b of these H"
        )


def _number(value: float) -> float | None:
    """A float for JSON: None for NaN."""
    return None if math.isnan(value) else float(value)
