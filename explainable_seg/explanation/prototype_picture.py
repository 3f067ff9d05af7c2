"""Prototypes as one picture: which atoms, and which frequencies, make a class.

As in the figures of arXiv 2401.08268, atoms are sorted by peak frequency.
"""

import io
from collections.abc import Mapping

import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from explainable_seg.explanation.drawing import HZ_TICKS, calm, write_title
from explainable_seg.explanation.properties import CARRIED, compactness
from explainable_seg.explanation.prototype_stats import Prototype
from explainable_seg.explanation.relevance import (
    bin_hz,
    peak_hz,
    relevance_spectrum,
)
from explainable_seg.explanation.style import (
    AGAINST,
    CLASS_COLOURS,
    PAPER,
    QUIET,
)
from explainable_seg.explanation.wording import format_hz
from explainable_seg.features.spectrogram import unwarp_hz, warp_hz

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
