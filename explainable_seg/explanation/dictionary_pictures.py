"""A dictionary to look at: its atoms, who uses them, and what they rebuild."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from explainable_seg.classes import CLASSES
from explainable_seg.explanation.drawing import (
    calm,
    draw_spectrogram,
    write_title,
)
from explainable_seg.explanation.relevance import BANDS_HZ, peak_hz
from explainable_seg.explanation.style import CLASS_COLOURS, INK, PAPER, QUIET
from explainable_seg.explanation.wording import format_hz
from explainable_seg.files import atomic_path

DPI = 100
BRIGHTEST = 99.0  # percentile of what is drawn in the fullest colour

Example = tuple[torch.Tensor, torch.Tensor]  # spectrogram and its rebuilding


def plot_dictionary(W: torch.Tensor, summary: Mapping[str, Any]) -> Figure:
    """Atoms sorted by peak frequency; below, how often each class uses them.

    Arguments
    ---------
    W : torch.Tensor [shape=(F, K)]
        Dictionary.
    summary : Mapping[str, Any]
        From :class:`~explainable_seg.evaluation.reconstruction.ReconstructionStats`.

    Returns
    -------
    matplotlib.figure.Figure
        With an Agg canvas; no global state of matplotlib is used.
    """
    hz = peak_hz(W)
    order = hz.argsort()  # dead atoms, whose peak is NaN, come last
    figure = _figure(12.0, 7.0)
    atoms, usage = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    limits = (-0.5, len(order) - 0.5)
    values = W[:, order].T.numpy()
    draw_spectrogram(atoms, limits, values, INK, _brightest(values))
    write_title(atoms, f"{len(order)} atoms by peak frequency")
    _draw_usage(usage, summary, order)
    ticks = list(range(0, len(order), max(1, len(order) // 12)))
    peaks = [hz[order[k]].item() for k in ticks]
    labels = [format_hz(peak) if peak == peak else "" for peak in peaks]
    usage.set_xticks(ticks, labels)
    usage.set_xlabel("peak frequency of the atom")
    calm(atoms)
    return figure


def plot_reconstruction(
    examples: Mapping[str, Example], summary: Mapping[str, Any]
) -> Figure:
    """One row a class: a passage, what the atoms make of it, errors a band.

    Arguments
    ---------
    examples : Mapping[str, tuple[torch.Tensor, torch.Tensor]]
        For each class with an example, spectrogram [T, F] and rebuilding.
    summary : Mapping[str, Any]
        As in :func:`plot_dictionary`.

    Returns
    -------
    matplotlib.figure.Figure
        With an Agg canvas; no global state of matplotlib is used.
    """
    figure = _figure(12.0, 2.4 * len(examples))
    rows = figure.subplots(
        len(examples), 3, squeeze=False, width_ratios=(2, 2, 1)
    )
    for (name, pair), (heard, rebuilt, errors) in zip(examples.items(), rows):
        X, rebuilding = (part.numpy() for part in pair)
        limits = (0.0, 0.02 * len(X))
        colour = CLASS_COLOURS[name]
        brightest = _brightest(X)
        draw_spectrogram(heard, limits, X, colour, brightest)
        draw_spectrogram(rebuilt, limits, rebuilding, colour, brightest)
        write_title(heard, f"{name}: what is heard", colour)
        write_title(rebuilt, "rebuilt from atoms", colour)
        rebuilt.tick_params(labelleft=False)
        _draw_errors(errors, summary["classes"][name], colour)
        for axes in (heard, rebuilt, errors):
            calm(axes)
    return figure


def save_pictures(
    folder: Path,
    W: torch.Tensor,
    summary: Mapping[str, Any],
    examples: Mapping[str, Example],
) -> None:
    """Write ``dictionary.png`` and ``reconstruction.png`` into a folder."""
    figures = {"dictionary": plot_dictionary(W.cpu(), summary)}
    if examples:
        figures["reconstruction"] = plot_reconstruction(examples, summary)
    for name, figure in figures.items():
        with atomic_path(folder / f"{name}.png") as temporary:
            figure.savefig(temporary)


def _draw_usage(
    axes: Axes, summary: Mapping[str, Any], order: torch.Tensor
) -> None:
    """A row a class, the darker the more of its frames use the atom."""
    unused = [0.0] * len(order)
    rows = [summary["classes"][name]["usage"] or unused for name in CLASSES]
    table = np.array(rows)[:, order.numpy()]
    calm(axes)
    axes.imshow(
        table,
        aspect="auto",
        cmap=LinearSegmentedColormap.from_list("usage", [PAPER, INK]),
        vmin=0.0,
        vmax=max(_brightest(table), 1e-9),
        interpolation="nearest",
    )
    axes.set_yticks(range(len(CLASSES)), CLASSES)
    for label, name in zip(axes.get_yticklabels(), CLASSES):
        label.set_color(CLASS_COLOURS[name])
    write_title(
        axes, f"in use, white: never, black: {table.max():.0%} of frames"
    )


def _draw_errors(axes: Axes, measures: Mapping[str, Any], colour: str) -> None:
    """What the atoms leave, a band, over all frames of the class."""
    known = [0.0 if e is None else e for e in measures["error_by_band"]]
    names = [f"{format_hz(low)} to {format_hz(high)}" for low, high in BANDS_HZ]
    axes.barh(names, known, color=colour)
    for place, error in enumerate(measures["error_by_band"]):
        text = "no sound" if error is None else f"{error:.2f}"
        axes.text(0.02, place, text, va="center", fontsize=8, color=INK)
    axes.set_xlim(0.0, max(1.0, *known))
    axes.axvline(measures["error"], color=QUIET, lw=0.8)
    write_title(axes, f"relative error {measures['error']:.2f}")


def _figure(width: float, height: float) -> Figure:
    """An empty figure, inches."""
    figure = Figure(
        figsize=(width, height),
        dpi=DPI,
        facecolor=PAPER,
        layout="constrained",
    )
    FigureCanvasAgg(figure)
    return figure


def _brightest(values: np.ndarray) -> float:
    """Value that is drawn in the fullest colour."""
    return max(float(np.percentile(values, BRIGHTEST)), 1e-9)
