"""What the panels of a picture share: axes, images, bars and titles."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, PowerNorm
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from explainable_seg.explanation import Reading, bin_hz
from explainable_seg.features import unwarp_hz, warp_hz
from explainable_seg.frames import FRAME_STEP
from explainable_seg.pages.wording import format_hz, format_signed

CLASS_COLOURS: dict[str, str] = {
    "speech": "#0072b2",
    "music": "#d55e00",
    "noise": "#009e73",
    "overlap": "#a8518a",
}

INK = "#1f2933"  # text
QUIET = "#66727f"  # secondary text, axes
LINE = "#c8d0d8"  # spines and rules
AGAINST = "#3d4752"  # evidence against a class
SOUND = "#9aa5b1"  # the sound itself, beside the evidence
PAPER = "#ffffff"


HZ_TICKS = (0, 100, 250, 500, 1000, 2000, 4000, 8000)
MOST_COLUMNS = 1200  # of a picture; longer passages are averaged in time
FAINT = 0.5  # exponent that lifts faint parts of a spectrogram
VALUE: dict[str, Any] = {"va": "center", "fontsize": 8, "color": INK}


def pool_time(values: np.ndarray, most: int = MOST_COLUMNS) -> np.ndarray:
    """Average over time until at most ``most`` rows are left.

    Arguments
    ---------
    values : np.ndarray [shape=(T, n)]
        Values a frame.
    most : int
        Most rows to return.

    Returns
    -------
    np.ndarray [shape=(min(T, most), n)]

    Example
    -------
    >>> pool_time(np.array([[1.0], [3.0], [5.0], [7.0]]), most=2).tolist()
    [[2.0], [6.0]]
    """
    if len(values) <= most:
        return values
    edges = np.linspace(0, len(values), most + 1).round().astype(int)
    sums = np.add.reduceat(values, edges[:-1], axis=0)
    return sums / np.diff(edges)[:, None]


def time_limits(passage: Reading) -> tuple[float, float]:
    """Borders of the first and the last frame of a passage, seconds."""
    seconds = passage.frame_seconds
    return seconds[0] - FRAME_STEP / 2, seconds[-1] + FRAME_STEP / 2


def draw_image(
    axes: Axes,
    passage: Reading,
    values: np.ndarray,
    colour: str,
    brightest: float,
) -> None:
    """Draw values of a passage over its time, as :func:`draw_spectrogram`."""
    draw_spectrogram(axes, time_limits(passage), values, colour, brightest)


def draw_spectrogram(
    axes: Axes,
    limits: tuple[float, float],
    values: np.ndarray,
    colour: str,
    brightest: float,
) -> None:
    """Draw a spectrogram on the warped frequency axis.

    Arguments
    ---------
    axes : Axes
        The panel.
    limits : tuple[float, float]
        Left and right end of the values on the horizontal axis.
    values : np.ndarray [shape=(T, F)]
        Non-negative values.
    colour : str
        Colour of the strongest values; zero is paper.
    brightest : float
        Value from which the colour is full.
    """
    pooled = pool_time(values)
    hz = bin_hz(values.shape[1]).numpy()
    middles = (hz[1:] + hz[:-1]) / 2
    axes.pcolormesh(
        np.linspace(*limits, len(pooled) + 1),
        np.concatenate([hz[:1], middles, hz[-1:]]),
        pooled.T,
        cmap=LinearSegmentedColormap.from_list("ramp", [PAPER, colour]),
        norm=PowerNorm(FAINT, vmin=0.0, vmax=brightest, clip=True),
        rasterized=True,  # in a vector file, an image and not a path a bin
    )
    axes.set_yscale("function", functions=(warp_hz, unwarp_hz))
    axes.set_ylim(0, hz[-1])
    axes.yaxis.set_major_locator(FixedLocator(HZ_TICKS))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(
        FixedFormatter(list(map(format_hz, HZ_TICKS)))
    )


def diverging(low: str, high: str) -> Colormap:
    """Colours from ``low`` through paper to ``high``."""
    return LinearSegmentedColormap.from_list("evidence", [low, PAPER, high])


def write_title(axes: Axes, text: str, colour: str = INK) -> None:
    """Title of a panel, flush left."""
    axes.set_title(text, loc="left", color=colour, fontsize=11)


def write_note(axes: Axes, height: float, text: str, colour: str) -> None:
    """A note on the right of a panel, at a share of its height."""
    axes.text(
        0.97,
        height,
        text,
        color=colour,
        transform=axes.transAxes,
        ha="right",
        fontsize=9,
    )


def write_bar_values(axes: Axes, values: np.ndarray) -> None:
    """Value of each horizontal bar from zero, beyond its end."""
    reach = max(np.abs(values).max(initial=0.0), 1e-9)
    axes.set_xlim(
        min(values.min(initial=0.0), 0.0) - 0.5 * reach,
        max(values.max(initial=0.0), 0.0) + 0.5 * reach,
    )
    for row, value in enumerate(values):
        end = value + np.copysign(0.05 * reach, value)
        side = "left" if value > 0 else "right"
        axes.text(end, row, format_signed(value), ha=side, **VALUE)


def drop_bar_axis(axes: Axes) -> None:
    """No axis under bars that carry their values: only the line of zero."""
    axes.set_xticks([])
    axes.axvline(0, color=QUIET, lw=0.8)


def calm(axes: Axes) -> None:
    """Thin grey axes without the box."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(LINE)
    axes.tick_params(length=3, color=LINE, labelcolor=QUIET, labelsize=9)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set(color=QUIET, fontsize=9.5)
