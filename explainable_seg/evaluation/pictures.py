"""Precision-recall and reliability of several models, a panel a class."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from explainable_seg.classes import CLASSES
from explainable_seg.explanation.style import (
    CLASS_COLOURS,
    INK,
    LINE,
    PAPER,
    QUIET,
)

SIZE = (12.0, 3.9)  # inches
DPI = 100
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
        figsize=SIZE, dpi=DPI, facecolor=PAPER, layout="constrained"
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
