"""Prototypes of a data set, written as numbers and as a picture."""

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from explainable_seg.corpora import read_manifest
from explainable_seg.errors import ExplainableSegError
from explainable_seg.explanation import (
    ALL,
    CARRIED,
    Prototype,
    StudentWeights,
    bin_hz,
    brief,
    collect,
    compactness,
    peak_hz,
    prototype_document,
    relevance_spectrum,
)
from explainable_seg.features import unwarp_hz, warp_hz
from explainable_seg.files import atomic_path, atomic_write_text
from explainable_seg.inference import ExplainableSegmenter
from explainable_seg.pages.drawing import (
    AGAINST,
    CLASS_COLOURS,
    HZ_TICKS,
    PAPER,
    QUIET,
    calm,
    write_title,
)
from explainable_seg.pages.page_data import FORMAT_VERSION
from explainable_seg.pages.wording import format_hz

SIZE = (12.0, 2.3)  # inches, of a row
DPI = 100


def plot_prototypes(
    prototypes: Mapping[str, Prototype | None], W: torch.Tensor
) -> Figure:
    """One row a class: its atoms with intervals, and its spectrum.

    Arguments
    ---------
    prototypes : Mapping[str, Prototype or None]
        For each class; those without segments are left out.
    W : torch.Tensor [shape=(F, K)]
        Dictionary.

    Returns
    -------
    matplotlib.figure.Figure
        With an Agg canvas; no global state of matplotlib is used.
    """
    known = {c: p for c, p in prototypes.items() if p is not None}
    figure = Figure(
        figsize=(SIZE[0], SIZE[1] * len(known)),
        dpi=DPI,
        facecolor=PAPER,
        layout="constrained",
    )
    FigureCanvasAgg(figure)
    panels = figure.subplots(
        len(known), 2, squeeze=False, width_ratios=(2.4, 1), sharex="col"
    )
    for (name, prototype), (atoms, spectrum) in zip(known.items(), panels):
        _draw_atoms(atoms, name, prototype, W)
        _draw_spectrum(spectrum, name, prototype, W)
    panels[-1, 0].set_xlabel("atoms by peak frequency")
    panels[-1, 1].set_xlabel("frequency")
    return figure


def render_prototypes(
    prototypes: Mapping[str, Prototype | None], W: torch.Tensor
) -> bytes:
    """Picture of prototypes as the bytes of a PNG file."""
    buffer = io.BytesIO()
    plot_prototypes(prototypes, W).savefig(buffer, format="png")
    return buffer.getvalue()


def _draw_atoms(
    axes: Axes, name: str, prototype: Prototype, W: torch.Tensor
) -> None:
    """Mean relevance of each atom, with the interval of the mean."""
    hz = peak_hz(W)
    order = hz.argsort()  # dead atoms, whose peak is NaN, come last
    means = prototype.mean[order].numpy()
    low, high = prototype.low[order].numpy(), prototype.high[order].numpy()
    colours = [CLASS_COLOURS[name] if m > 0 else AGAINST for m in means]
    places = range(len(means))
    axes.bar(places, means, color=colours, width=0.9)
    axes.vlines(places, low, high, color=QUIET, lw=0.8)
    axes.axhline(0, color=QUIET, lw=0.8)
    ticks = list(range(0, len(means), max(1, len(means) // 8)))
    labels = [_label(hz[order[k]].item()) for k in ticks]
    axes.set_xticks(ticks, labels)
    axes.set_ylabel("relevance")
    n = compactness(prototype.mean)
    carried = f"; {n} atoms carry {CARRIED:.0%} of what speaks for it"
    segments = f"{name}: {prototype.n_segments} segments"
    write_title(axes, segments + (carried if n else ""), CLASS_COLOURS[name])
    calm(axes)


def _draw_spectrum(
    axes: Axes, name: str, prototype: Prototype, W: torch.Tensor
) -> None:
    """Positive relevance laid out over frequency."""
    spectrum = relevance_spectrum(prototype.mean, W).numpy()
    hz = bin_hz(len(spectrum)).numpy()
    axes.fill_between(hz, spectrum, color=CLASS_COLOURS[name], lw=0)
    axes.set_xscale("function", functions=(warp_hz, unwarp_hz))
    axes.set_xlim(0, hz[-1])
    axes.set_ylim(bottom=0)
    axes.set_yticks([])
    axes.xaxis.set_major_locator(FixedLocator(HZ_TICKS[::2]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda hz, _: format_hz(hz)))
    write_title(axes, "frequencies that speak for it")
    calm(axes)


def _label(hz: float) -> str:
    """A frequency, or nothing for a dead atom."""
    return "" if hz != hz else format_hz(hz)


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
