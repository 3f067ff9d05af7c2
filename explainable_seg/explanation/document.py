"""Content of ``explanation.json``: all the numbers that a page shows.

The page carries this very document, with names in place of paths, so what it
shows of a segment or of an explanation and what programs read are the same
numbers.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch

from explainable_seg.explanation.caution import margin
from explainable_seg.explanation.explanation import Explanation
from explainable_seg.explanation.findings import Findings
from explainable_seg.explanation.grounding import reconstruction_error
from explainable_seg.explanation.reading import StudentWeights
from explainable_seg.explanation.relevance import peak_hz, select_atoms
from explainable_seg.explanation.segment_means import segment_means

FORMAT_VERSION = 1
DIGITS = 9  # significant: all that a number of 32 bits holds


def make_document(
    explanations: Sequence[Explanation], findings: Findings
) -> dict[str, Any]:
    """Numbers of the explanations asked for, and of every segment found.

    Arguments
    ---------
    explanations : Sequence[Explanation]
        Any number, all of this recording.
    findings : Findings
        The recording.

    Returns
    -------
    dict
        ``explanations`` with all atoms, and ``groundings``, how each agrees
        with the sound, where that was measured; ``segments``, for each
        segment found its mean logits of all classes, how far that of its own
        class lies above what is needed, its reconstruction error, the mean
        activation z of each atom that sounds in it, and the atoms selected
        for its class; ``classifier``, with which relevances of any class
        follow: ``z_k theta_ck``; ``rules``, by which it was decided.
    """
    return {
        "version": FORMAT_VERSION,
        "audio": findings.reading.name,
        "model": findings.weights.name,
        "explanations": [e.to_dict() for e in explanations],
        "groundings": [
            asdict(e.grounding) if e.grounding else None for e in explanations
        ],
        "classifier": _classifier(findings),
        "rules": findings.rules.to_dict(),
        "segments": _segments(findings),
    }


def _classifier(findings: Findings) -> dict[str, Any]:
    """Weights of each class for each atom, and where each atom peaks."""
    weights, rules = findings.weights, findings.rules
    return {
        "classes": list(weights.classes),
        "theta": [[short(v) for v in row] for row in weights.theta.tolist()],
        "bias": [short(v) for v in weights.bias.tolist()],
        "thresholds": {c: rules.thresholds.get(c) for c in weights.classes},
        "peak_hz": [
            None if hz != hz else hz
            for hz in peak_hz(weights.dictionary).tolist()
        ],
    }


def _segments(findings: Findings) -> list[dict[str, Any]]:
    """An entry for each segment that holds a frame."""
    reading, weights = findings.reading, findings.weights
    classes = weights.classes
    kept = [
        (name, start, end, *findings.frames(start, end))
        for name, start, end in findings.segments
    ]
    kept = [entry for entry in kept if entry[3] < entry[4]]
    ranges = [(first, last) for *_, first, last in kept]
    z = segment_means(reading.activations, ranges)
    logits = segment_means(reading.logits, ranges)
    return [
        {
            "class": name,
            "start": start,
            "end": end,
            "frames": last - first,
            "logit_means": dict(zip(classes, map(short, logits[s].tolist()))),
            "margin": margin(
                logits[s, classes.index(name)].item(),
                findings.rules.thresholds.get(name),
            ),
            "reconstruction_error": reconstruction_error(
                reading.spectrogram[first:last],
                weights.dictionary,
                reading.activations[first:last],
            ),
            "z": {
                str(k): short(z[s, k].item())
                for k in z[s].nonzero().flatten().tolist()
            },
            "selected": _selected(z[s], weights, classes.index(name)),
        }
        for s, (name, start, end, first, last) in enumerate(kept)
    ]


def _selected(
    z: torch.Tensor, weights: StudentWeights, class_index: int
) -> list[int]:
    """Indices of the atoms that carry a segment."""
    r = z * weights.theta[class_index].double()
    return select_atoms(r).nonzero().flatten().tolist()


def short(value: float) -> float:
    """A number without digits that 32 bits do not hold.

    Example
    -------
    >>> short(0.30000001192092896)
    0.300000012
    """
    return float(f"{value:.{DIGITS}g}")
