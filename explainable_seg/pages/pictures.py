"""One figure that answers "why did it say speech here?"."""

import io
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from explainable_seg.explanation import Explanation, bin_hz, threshold_logit
from explainable_seg.pages.drawing import (
    AGAINST,
    CLASS_COLOURS,
    INK,
    LINE,
    PAPER,
    QUIET,
    SOUND,
    VALUE,
    calm,
    diverging,
    draw_image,
    drop_bar_axis,
    format_peak,
    format_signed,
    pool_time,
    reason,
    time_limits,
    verdict,
    write_bar_values,
    write_note,
    write_title,
)

MOST_FOR = 9  # rows of atoms that speak for the class
MOST_AGAINST = 3  # rows of atoms that speak against it
MOST_SPECTRA = 5
TITLES = (
    "The sound",
    "What {}",
    "When each atom speaks",
    "Probability of each class",
    "On average",
    "Its strongest atoms",
    "What it adds to the logit",
    "The sum",
)
"""Of the panels, column by column, from top to bottom."""
SIZE = (12.0, 8.6)  # inches
DPI = 100
TIME_AXIS = (0.075, 0.735)  # left and right of the picture's time axis
BESIDE = (0.79, 0.985)  # left and right of the panels beside it
ROWS: dict[str, Any] = {
    "top": 0.875,
    "bottom": 0.06,
    "height_ratios": (2, 2, 2, 1),
    "hspace": 0.32,
}
PICTURE_PERCENTILE = (
    98.5  # percentile of the spectrogram drawn in the fullest colour
)


def shown_atoms(explanation: Explanation) -> np.ndarray:
    """Atoms worth a row: the strongest for and against, lowest peak first.

    Arguments
    ---------
    explanation : Explanation
        An explanation.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=int]
        Indices, sorted by peak frequency.
    """
    r = explanation.relevance
    order = np.argsort(-r)
    speak_for = [k for k in order if explanation.deciding[k]][:MOST_FOR]
    against = [k for k in order[::-1] if r[k] < 0][:MOST_AGAINST]
    rows = np.array([*speak_for, *against], dtype=int)
    return rows[np.argsort(explanation.peak_hz[rows], kind="stable")]


def draw_sound(axes: Axes, explanation: Explanation, brightest: float) -> None:
    """The log-power spectrogram of the passage, in grey."""
    passage = explanation.passage
    draw_image(axes, passage, passage.spectrogram.numpy(), "#101418", brightest)


def draw_evidence(
    axes: Axes, explanation: Explanation, brightest: float
) -> None:
    """What the selected atoms rebuild, in the colour of the class."""
    colour = CLASS_COLOURS[explanation.class_name]
    values = explanation.spectrogram
    draw_image(axes, explanation.passage, values, colour, brightest)


def draw_mean_spectra(axes: Axes, explanation: Explanation) -> None:
    """Mean spectrum of the sound and of the evidence, over frequency."""
    hz = bin_hz(explanation.spectrogram.shape[1]).numpy()
    frames = explanation.explained
    sound = explanation.passage.spectrogram.numpy()[frames].mean(axis=0)
    evidence = explanation.spectrogram[frames].mean(axis=0)
    colour = CLASS_COLOURS[explanation.class_name]
    axes.fill_betweenx(hz, sound, color=SOUND, alpha=0.5, lw=0)
    axes.fill_betweenx(hz, evidence, color=colour, alpha=0.75, lw=0)
    axes.set_xlim(0, max(sound.max(), evidence.max(), 1e-9) * 1.05)
    axes.set_xticks([])
    write_note(axes, 0.91, "sound", QUIET)
    write_note(
        axes, 0.80, "its atoms" if explanation.source else "evidence", colour
    )
    axes.tick_params(left=False, labelleft=False)


def draw_atom_spectra(axes: Axes, explanation: Explanation) -> None:
    """Spectra of the strongest atoms side by side, over frequency."""
    hz = bin_hz(explanation.spectrogram.shape[1]).numpy()
    order = np.argsort(-explanation.relevance)
    atoms = [k for k in order if explanation.selected[k]][:MOST_SPECTRA]
    W = explanation.weights.dictionary.numpy()
    colour = CLASS_COLOURS[explanation.class_name]
    for column, k in enumerate(atoms):
        end = column + 0.82 * W[:, k] / max(W[:, k].max(), 1e-9)
        axes.axvline(column, color=LINE, lw=0.8)
        axes.fill_betweenx(hz, column, end, color=colour, alpha=0.8, lw=0)
    axes.set_xlim(-0.1, MOST_SPECTRA)
    axes.set_xticks(
        [column + 0.4 for column in range(len(atoms))],
        [format_peak(explanation.peak_hz[k]) for k in atoms],
    )
    axes.tick_params(axis="x", length=0, pad=2, labelsize=7.5)
    axes.tick_params(axis="y", left=False, labelleft=False)


def draw_atoms(axes: Axes, explanation: Explanation, rows: np.ndarray) -> None:
    """Relevance of each atom over time: class colour for, dark against."""
    if len(rows) == 0:
        axes.set_yticks([])
        write_note(axes, 0.5, "no atom speaks for it or against it", QUIET)
        return
    H = explanation.passage.activations.numpy()[:, rows]
    values = H * explanation.theta[rows] * explanation.explained[:, None]
    pooled = pool_time(values)
    # The strongest moments may saturate, so that the usual ones are seen.
    sounding = np.abs(pooled[pooled != 0])
    limit = np.quantile(sounding, 0.95) if len(sounding) else 1.0
    axes.imshow(
        pooled.T,
        cmap=diverging(AGAINST, CLASS_COLOURS[explanation.class_name]),
        vmin=-limit,
        vmax=limit,
        aspect="auto",
        origin="lower",
        interpolation="nearest",
        extent=(*time_limits(explanation.passage), -0.5, len(rows) - 0.5),
    )
    labels = [format_peak(explanation.peak_hz[k]) for k in rows]
    axes.set_yticks(range(len(rows)), labels)
    axes.set_ylabel("atom, by its peak", color=QUIET, fontsize=9.5)


def draw_relevances(
    axes: Axes, explanation: Explanation, rows: np.ndarray
) -> None:
    """Mean relevance of each row of atoms, as bars with their values."""
    r = explanation.relevance[rows]
    colour = CLASS_COLOURS[explanation.class_name]
    colours = [colour if value > 0 else AGAINST for value in r]
    axes.barh(range(len(rows)), r, color=colours, height=0.7)
    write_bar_values(axes, r)
    drop_bar_axis(axes)
    axes.set_ylim(-0.5, max(len(rows), 1) - 0.5)
    axes.set_yticks([])


def draw_probabilities(axes: Axes, explanation: Explanation) -> None:
    """Probabilities of all classes; shaded where the class was found."""
    passage, ours = explanation.passage, explanation.class_name
    classes = explanation.weights.classes
    probabilities = pool_time(passage.probabilities)
    borders = np.linspace(*time_limits(passage), len(probabilities) + 1)
    seconds = (borders[1:] + borders[:-1]) / 2
    for c, name in enumerate(classes):
        stands_out = name == ours
        axes.plot(
            seconds,
            probabilities[:, c],
            color=CLASS_COLOURS[name],
            lw=2.0 if stands_out else 1.0,
            alpha=1.0 if stands_out else 0.55,
            zorder=3 if stands_out else 2,
            label=name,
        )
    for start, end in explanation.found_spans:
        axes.axvspan(start, end, color=CLASS_COLOURS[ours], alpha=0.1, lw=0)
    threshold = explanation.threshold
    if threshold is not None:
        axes.axhline(threshold, label="threshold", **_dashes(ours))
    axes.set_ylim(-0.02, 1.02)
    axes.set_yticks([0, 0.5, 1])
    axes.set_xlabel("seconds")
    axes.legend(
        ncols=len(classes) + 1,
        loc="lower right",
        bbox_to_anchor=(1.0, 0.98),
        frameon=False,
        fontsize=9,
        labelcolor=QUIET,
    )


def draw_sum(axes: Axes, explanation: Explanation) -> None:
    """How bias and evidence add up to the logit, exactly."""
    r = explanation.relevance
    parts = np.array(
        [explanation.bias, r.clip(min=0).sum(), r.clip(max=0).sum()]
    )
    ends = np.cumsum(parts)
    values = np.append(parts, ends[-1])
    starts = np.append(ends - parts, 0.0)
    colour = CLASS_COLOURS[explanation.class_name]
    rows = range(0, -len(values), -1)
    axes.barh(rows, values, 0.62, starts, color=[SOUND, colour, AGAINST, INK])
    rights = np.maximum(starts, starts + values)
    reach = max(rights.max() - np.minimum(starts, starts + values).min(), 1e-9)
    for row, right, value in zip(rows, rights, values):
        end = right + 0.04 * reach
        axes.text(end, row, format_signed(value), ha="left", **VALUE)
    needed = threshold_logit(explanation.threshold)
    if needed is not None:
        axes.axvline(needed, **_dashes(explanation.class_name))
    axes.set_xlim(right=rights.max() + 0.5 * reach)
    drop_bar_axis(axes)
    axes.set_yticks(rows, ["bias", "for", "against", "logit"])


def _dashes(class_name: str) -> dict[str, Any]:
    """Look of the threshold of a class."""
    return {"color": CLASS_COLOURS[class_name], "lw": 1, "ls": (0, (4, 3))}


def plot_explanation(explanation: Explanation) -> Figure:
    """Picture of an explanation, read from top to bottom.

    The sound; what of it speaks for the class, or its own atoms make; which atoms said so and when;
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
    left, right = _column(figure, *TIME_AXIS), _column(figure, *BESIDE)
    sound, evidence, atoms, probabilities = left
    means, spectra, relevances, total = right
    for panel in (sound, evidence, atoms):
        panel.sharex(probabilities)
    means.sharey(sound)
    spectra.sharey(evidence)
    ours, source = explanation.class_name, explanation.source
    heard = f"the {source} atoms make" if source else f"speaks for {ours}"
    for panel, title in zip([*left, *right], TITLES):
        colour = CLASS_COLOURS[ours] if panel is evidence else INK
        calm(panel)
        write_title(panel, title.format(heard), colour)
    X = explanation.passage.spectrogram.numpy()
    brightest = max(float(np.percentile(X, PICTURE_PERCENTILE)), 1e-9)
    rows = shown_atoms(explanation)
    draw_sound(sound, explanation, brightest)
    draw_evidence(evidence, explanation, brightest)
    draw_atoms(atoms, explanation, rows)
    draw_probabilities(probabilities, explanation)
    draw_mean_spectra(means, explanation)
    draw_atom_spectra(spectra, explanation)
    draw_relevances(relevances, explanation, rows)
    draw_sum(total, explanation)
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
