"""One figure that answers "why did it say speech here?"."""

import io
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from explainable_seg.explanation import panels
from explainable_seg.explanation.explanation import Explanation
from explainable_seg.explanation.style import INK, PAPER, QUIET
from explainable_seg.explanation.wording import reason, verdict

SIZE = (12.0, 8.6)  # inches
DPI = 100
TIME_AXIS = (0.075, 0.735)  # left and right of the picture's time axis
TITLE = 0.085  # share of the height above the panels
BESIDE = (0.79, 0.985)  # left and right of the panels beside it
ROWS: dict[str, Any] = {
    "top": 0.875,
    "bottom": 0.06,
    "height_ratios": (2, 2, 2, 1),
    "hspace": 0.32,
}
BRIGHTEST = 98.5  # percentile of the spectrogram drawn in the fullest colour


def plot_explanation(explanation: Explanation) -> Figure:
    """Picture of an explanation, read from top to bottom.

    The sound; what of it speaks for the class; which atoms said so and when;
    the probabilities that came of it. The panels on the left share the time
    axis; those on the right share the axis of the panel beside them and show
    the mean over the frames explained.

    Arguments
    ---------
    explanation : Explanation
        An explanation.

    Returns
    -------
    matplotlib.figure.Figure
        With an Agg canvas; no global state of matplotlib is used.
    """
    figure = Figure(figsize=SIZE, dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)
    _write_title(figure, explanation)
    _draw_panels(figure, explanation)
    return figure


def render_picture(explanation: Explanation) -> bytes:
    """Picture of an explanation as the bytes of a PNG file."""
    buffer = io.BytesIO()
    plot_explanation(explanation).savefig(buffer, format="png")
    return buffer.getvalue()


def _draw_panels(figure: Figure, explanation: Explanation) -> None:
    """All eight panels, with their shared axes."""
    sound, evidence, atoms, probabilities = _column(figure, *TIME_AXIS)
    means, spectra, relevances, total = _column(figure, *BESIDE)
    for panel in (sound, evidence, atoms):
        panel.sharex(probabilities)
    means.sharey(sound)
    spectra.sharey(evidence)
    X = explanation.passage.spectrogram.numpy()
    brightest = max(float(np.percentile(X, BRIGHTEST)), 1e-9)
    rows = panels.shown_atoms(explanation)
    panels.draw_sound(sound, explanation, brightest)
    panels.draw_evidence(evidence, explanation, brightest)
    panels.draw_atoms(atoms, explanation, rows)
    panels.draw_probabilities(probabilities, explanation)
    panels.draw_mean_spectra(means, explanation)
    panels.draw_atom_spectra(spectra, explanation)
    panels.draw_relevances(relevances, explanation, rows)
    panels.draw_sum(total, explanation)
    for panel in (sound, evidence, atoms):
        panel.tick_params(labelbottom=False)
    probabilities.set_xlim(explanation.start, explanation.end)


def _column(figure: Figure, left: float, right: float) -> list[Axes]:
    """Panels of a column, from top to bottom."""
    grid = figure.add_gridspec(4, 1, left=left, right=right, **ROWS)
    return [figure.add_subplot(grid[row, 0]) for row in range(4)]


def _write_title(figure: Figure, explanation: Explanation) -> None:
    """The answer in words, above everything."""
    left = TIME_AXIS[0]
    figure.text(
        left,
        0.955,
        verdict(explanation),
        fontsize=16,
        fontweight="bold",
        color=INK,
    )
    figure.text(left, 0.923, reason(explanation), fontsize=11.5, color=QUIET)
