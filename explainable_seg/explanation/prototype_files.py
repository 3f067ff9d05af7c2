"""Prototypes of a data set, written as numbers and as a picture."""

import json
import os
from pathlib import Path
from typing import Any

from explainable_seg.data.manifest import read_manifest
from explainable_seg.errors import ExplainableSegError
from explainable_seg.explanation.document import FORMAT_VERSION
from explainable_seg.explanation.prototype_picture import render_prototypes
from explainable_seg.explanation.prototype_stats import Prototype
from explainable_seg.explanation.prototypes import (
    ALL,
    brief,
    collect,
    prototype_document,
)
from explainable_seg.explanation.reading import StudentWeights
from explainable_seg.files import atomic_path, atomic_write_text
from explainable_seg.inference.segmenter import ExplainableSegmenter


def write_prototypes(
    segmenter: ExplainableSegmenter,
    manifest: str | os.PathLike[str],
    output: str | os.PathLike[str],
    predicted: bool = False,
    data_root: str | os.PathLike[str] | None = None,
) -> list[Path]:
    """Explain each class over a data set; the command ``prototypes``.

    Memory does not grow with the number of recordings, and little with the
    length of one.

    Arguments
    ---------
    segmenter : ExplainableSegmenter
        The student.
    manifest : str or os.PathLike
        Recordings; regions of it whose ID starts with ``<corpus>/`` are also
        shown corpus by corpus.
    output : str or os.PathLike
        Folder for ``prototypes.json`` and ``prototypes.png``.
    predicted : bool
        Whether segments are those that the student finds; by default they
        are those of the reference.
    data_root : str or os.PathLike, optional
        What ``$data_root`` in the manifest stands for.

    Returns
    -------
    list[Path]
        The two files.

    Raises
    ------
    ExplainableSegError
        If the manifest or a file of it cannot be read, or there is no segment.
    """
    weights = StudentWeights.of(segmenter.model, segmenter.name)
    regions = read_manifest(manifest, data_root)
    stats = collect(segmenter, regions, weights, predicted)
    prototypes = {c: s.prototype() for c, s in stats[ALL].items()}
    if not any(prototypes.values()):
        what = "found" if predicted else "annotated"
        raise ExplainableSegError(
            f"expected {what} segments to explain, got none, in {manifest}; "
            f"name a manifest with {' or '.join(weights.classes)}"
        )
    document = {
        "version": FORMAT_VERSION,
        "model": segmenter.name,
        "manifest": os.fspath(manifest),
        "segments": "predicted" if predicted else "reference",
        "interval": 0.95,
        **prototype_document(prototypes, weights),
        "corpora": {
            corpus: {c: _means(s.prototype()) for c, s in by_class.items()}
            for corpus, by_class in stats.items()
            if corpus != ALL
        },
    }
    numbers = Path(output) / "prototypes.json"
    picture = Path(output) / "prototypes.png"
    text = json.dumps(document, indent=1, allow_nan=False)
    atomic_write_text(numbers, text + "\n")
    with atomic_path(picture) as temporary:
        temporary.write_bytes(render_prototypes(prototypes, weights.dictionary))
    return [numbers, picture]


def _means(prototype: Prototype | None) -> dict[str, Any] | None:
    """A prototype without the spread of its atoms."""
    if prototype is None:
        return None
    return {**brief(prototype), "means": prototype.mean.tolist()}
