"""Pictures of dictionaries, prototypes and scores."""

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from explainable_seg.classes import CLASSES
from explainable_seg.corpora import read_manifest
from explainable_seg.errors import ExplainableSegError
from explainable_seg.explanation import (
    ALL,
    BANDS_HZ,
    CARRIED,
    AtomTimes,
    Prototype,
    StudentWeights,
    bin_hz,
    brief,
    collect_relevances,
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
    INK,
    LINE,
    PAPER,
    QUIET,
    calm,
    draw_spectrogram,
    format_hz,
    write_title,
)
from explainable_seg.pages.page_data import DOCUMENT_VERSION

DPI = 100
FIGURE_PERCENTILE = 99.0  # percentile of what is drawn in the fullest colour

Example = tuple[torch.Tensor, torch.Tensor]  # spectrogram and its rebuilding


def plot_dictionary(W: torch.Tensor, summary: Mapping[str, Any]) -> Figure:
    """Atoms sorted by peak frequency; below, how often each class uses them.

    Arguments
    ---------
    W : torch.Tensor [shape=(F, K)]
        Dictionary.
    summary : Mapping[str, Any]
        From :class:`~explainable_seg.evaluation.representation.ReconstructionStats`.

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
    return max(float(np.percentile(values, FIGURE_PERCENTILE)), 1e-9)


EXAMPLE_SIZE = (12.0, 3.9)  # inches
# Of Okabe and Ito, in the order of the models; then they begin again, dashed.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
DASHES = ("-", "--", ":", "-.")


def plot_curves(title: str, models: Mapping[str, Any]) -> Figure:
    """Precision against recall of each model, with its chosen points.

    A dot marks the frames' precision and recall nearest the threshold that
    the model decides with.

    Arguments
    ---------
    title : str
        Name of the part.
    models : Mapping[str, dict]
        ``models`` of :func:`~explainable_seg.evaluation.part.evaluate_part`.

    Returns
    -------
    matplotlib.figure.Figure
        With an Agg canvas; no global state of matplotlib is used.
    """
    figure, panels = _panels(f"{title}: precision and recall of frames", models)
    for name, axes in panels.items():
        axes.set_xlabel("recall", color=QUIET)
        for number, (model, measures) in enumerate(models.items()):
            curve = measures["curves"].get(name)
            if curve is None:
                continue
            line = _line(number)
            axes.plot(curve["recall"], curve["precision"], label=model, **line)
            threshold = measures["thresholds"][name]
            if threshold is None:
                continue
            chosen = _nearest(curve["thresholds"], threshold)
            axes.plot(
                curve["recall"][chosen],
                curve["precision"][chosen],
                "o",
                color=line["color"],
                markersize=4,
            )
    _first(panels).set_ylabel("precision", color=QUIET)
    return _finished(figure, panels)


def plot_reliability(title: str, models: Mapping[str, Any]) -> Figure:
    """How often a class holds against how probable the models say it is.

    Arguments
    ---------
    title : str
        Name of the part.
    models : Mapping[str, dict]
        ``models`` of :func:`~explainable_seg.evaluation.part.evaluate_part`.

    Returns
    -------
    matplotlib.figure.Figure
        With an Agg canvas. A model on the diagonal is calibrated.
    """
    figure, panels = _panels(f"{title}: reliability of frames", models)
    for name, axes in panels.items():
        axes.set_xlabel("mean probability", color=QUIET)
        axes.plot([0, 1], [0, 1], color=LINE, linewidth=1)
        for number, (model, measures) in enumerate(models.items()):
            calibration = measures["calibration"].get(name)
            if calibration is None:
                continue
            table = calibration["table"]
            axes.plot(
                [row["confidence"] for row in table],
                [row["frequency"] for row in table],
                marker="o",
                markersize=3,
                label=model,
                **_line(number),
            )
    _first(panels).set_ylabel("share of frames with the class", color=QUIET)
    return _finished(figure, panels)


def _first(panels: Mapping[str, Axes]) -> Axes:
    """The panel on the left."""
    return next(iter(panels.values()))


def _panels(
    title: str, models: Mapping[str, Any]
) -> tuple[Figure, dict[str, Axes]]:
    """Figure with an empty panel for each class of a model."""
    known = {
        name for measures in models.values() for name in measures["curves"]
    }
    classes = [name for name in CLASSES if name in known]
    figure = Figure(
        figsize=EXAMPLE_SIZE, dpi=DPI, facecolor=PAPER, layout="constrained"
    )
    FigureCanvasAgg(figure)
    figure.suptitle(title, color=INK, x=0.01, ha="left")
    panels = {}
    (row,) = figure.subplots(1, len(classes), squeeze=False)
    for name, axes in zip(classes, row):
        axes.set_title(name, color=CLASS_COLOURS[name])
        axes.set(xlim=(0, 1.01), ylim=(0, 1.01), aspect="equal")
        axes.tick_params(colors=QUIET)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(LINE)
        panels[name] = axes
    return figure, panels


def _finished(figure: Figure, panels: Mapping[str, Axes]) -> Figure:
    """The figure with one legend, and a word where a panel has no line."""
    lines: dict[str, Any] = {}
    for axes in panels.values():
        handles, labels = axes.get_legend_handles_labels()
        lines.update(zip(labels, handles))
        if not handles:
            axes.text(
                0.5,
                0.5,
                "no reference",
                ha="center",
                color=QUIET,
                backgroundcolor=PAPER,
            )
    figure.legend(
        lines.values(),
        lines.keys(),
        loc="outside lower left",
        ncols=4,
        frameon=False,
    )
    return figure


def _line(number: int) -> dict[str, Any]:
    """Colour and dashes of a model by its number."""
    again, colour = divmod(number, len(COLOURS))
    return {
        "color": COLOURS[colour],
        "linestyle": DASHES[again % len(DASHES)],
        "linewidth": 1.5,
    }


def _nearest(values: list[float], wanted: float) -> int:
    """Index of the value next to the one that is wanted."""
    return min(range(len(values)), key=lambda i: abs(values[i] - wanted))


ROW_SIZE = (12.0, 2.3)  # inches, of a row


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
        figsize=(ROW_SIZE[0], ROW_SIZE[1] * len(known)),
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
    times = AtomTimes(weights.classes, weights.dictionary.shape[1])
    stats = collect_relevances(segmenter, regions, weights, predicted, times)
    prototypes = {c: s.prototype() for c, s in stats[ALL].items()}
    if not any(prototypes.values()):
        what = "found" if predicted else "annotated"
        raise ExplainableSegError(
            f"expected {what} segments to explain, got none, in {manifest}; "
            f"name a manifest with {' or '.join(weights.classes)}"
        )
    document = {
        "version": DOCUMENT_VERSION,
        "model": segmenter.name,
        "manifest": os.fspath(manifest),
        "segments": "predicted" if predicted else "reference",
        "interval": 0.95,
        **prototype_document(prototypes, weights, times),
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
