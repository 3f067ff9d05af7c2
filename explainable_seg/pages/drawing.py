"""Words, colours and axes that pictures and pages share."""

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, PowerNorm
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from explainable_seg.explanation import Decomposition, Explanation, bin_hz
from explainable_seg.features import unwarp_hz, warp_hz
from explainable_seg.frames import FRAME_STEP, SAMPLE_RATE

MOST_NAMED = 3  # named in a sentence
NO_BREAK = "\N{NO-BREAK SPACE}"
"""Blank at which no line ends."""
HEARD_FROM = 20.0  # hertz


def format_hz(hz: float) -> str:
    """A frequency as people say it; halves are rounded up.

    Example
    -------
    >>> format_hz(62.5), format_hz(1187.5), format_hz(4000.0)
    ('63\\xa0Hz', '1.2\\xa0kHz', '4\\xa0kHz')
    """
    if hz < 999.5:
        return f"{_rounded(hz)}{NO_BREAK}Hz"
    return f"{_rounded(hz / 1000, 1)}".removesuffix(".0") + f"{NO_BREAK}kHz"


def format_peak(hz: float) -> str:
    """Where an atom peaks, as people say it: the one name of picture and page.

    Arguments
    ---------
    hz : float
        NaN for an atom that is zero everywhere.

    Returns
    -------
    str

    Example
    -------
    >>> format_peak(500.0), format_peak(0.0), format_peak(float("nan"))
    ('500\\xa0Hz', 'below 20\\xa0Hz', 'no peak')
    """
    if math.isnan(hz):
        return "no peak"
    if hz < HEARD_FROM:
        return f"below {format_hz(HEARD_FROM)}"
    return format_hz(hz)


def format_percent(share: float) -> str:
    """A share in percent.

    Example
    -------
    >>> format_percent(0.125)
    '13\\xa0%'
    """
    return f"{_rounded(100 * share)}{NO_BREAK}%"


def _rounded(value: float, digits: int = 0) -> Decimal:
    """A number rounded as the scripts of a page do it: halves upwards."""
    unit = Decimal(1).scaleb(-digits)
    return Decimal(float(value)).quantize(unit, ROUND_HALF_UP)


def format_band(band: tuple[float, float]) -> str:
    """Where a band of frequencies lies, as people say it.

    Example
    -------
    >>> format_band((100.0, 1000.0)).replace(NO_BREAK, " ")
    'between 100 Hz and 1 kHz'
    >>> format_band((4000.0, 8000.0)).replace(NO_BREAK, " ")
    'above 4 kHz'
    """
    low, high = band
    if low == 0:
        return f"below {format_hz(high)}"
    if high == SAMPLE_RATE / 2:
        return f"above {format_hz(low)}"
    return f"between {format_hz(low)} and {format_hz(high)}"


def format_signed(value: float) -> str:
    """A number with its sign and two decimals, with a true minus.

    Example
    -------
    >>> format_signed(1.234), format_signed(-0.5)
    ('+1.23', '\u22120.50')
    """
    return ("\u2212" if value < 0 else "+") + f"{_rounded(abs(value), 2)}"


def verdict(explanation: Explanation) -> str:
    """Where the class was found, in one sentence.

    Arguments
    ---------
    explanation : Explanation
        An explanation.

    Returns
    -------
    str
        For instance ``Speech was found in 2.1 of the 3.5 s from 12.0 to
        15.5 s.``
    """
    name = explanation.class_name
    place = f"from {explanation.start:.1f} to {explanation.end:.1f} s"
    if not explanation.found.any():
        return f"No {name} was found {place}."
    if explanation.found.all():
        return f"{name.capitalize()} was found {place}."
    seconds = explanation.found.sum() * FRAME_STEP
    length = explanation.end - explanation.start
    return (
        f"{name.capitalize()} was found in {seconds:.1f} of the "
        f"{length:.1f} s {place}."
    )


def reason(explanation: Explanation) -> str:
    """Which atoms decided, in one sentence.

    Arguments
    ---------
    explanation : Explanation
        An explanation.

    Returns
    -------
    str
        For instance ``5 of 128 atoms carry 91 % of the evidence for it; the
        strongest peak at 250 Hz, 500 Hz and 1.2 kHz.`` Where a class has its
        own atoms: ``31 atoms of speech sound here and carry ...``
    """
    r, selected = explanation.relevance, explanation.selected
    source = explanation.source
    if source and not selected.any():
        return f"No atom of {source} sounds here."
    share = kept_share(explanation)
    if share is None or not selected.any():
        return "No atom speaks for it."
    one = selected.sum() == 1
    carry = f"{'carries' if one else 'carry'} {format_percent(share)}"
    sentence = f"{_subject(explanation)} {carry} of the evidence for it"
    peaks = strongest_peaks(explanation)
    peak = "its peak is" if one else "the strongest peak"
    sentence += f"; {peak} {place(peaks)}." if peaks else "."
    if r.sum() < 0:
        sentence += " More evidence speaks against it."
    return sentence


def _subject(explanation: Explanation) -> str:
    """Which atoms are selected, at least one, as a sentence begins."""
    n, source = int(explanation.selected.sum()), explanation.source
    which = "One" if n == 1 else f"{n}"
    if source is None:
        return f"{which} of {len(explanation.selected)} atoms"
    sound = "atom of {} sounds" if n == 1 else "atoms of {} sound"
    return f"{which} {sound.format(source)} here and"


def kept_share(explanation: Explanation) -> float | None:
    """Share of the positive relevance that the selected atoms carry.

    None where no atom speaks for the class.
    """
    positive = explanation.relevance.clip(min=0)
    total = positive.sum()
    if total == 0:
        return None
    return float(positive[explanation.selected].sum() / total)


def strongest_peaks(explanation: Explanation) -> list[str]:
    """Peaks of the most relevant selected atoms, each named once."""
    order = np.argsort(-explanation.relevance)
    peaks = [explanation.peak_hz[k] for k in order if explanation.selected[k]]
    names = [format_peak(hz) for hz in peaks if not math.isnan(hz)]
    return list(dict.fromkeys(names))[:MOST_NAMED]


def place(peaks: Sequence[str]) -> str:
    """Where peaks are, of which one may be too low to be heard.

    Arguments
    ---------
    peaks : Sequence[str]
        At least one, of :func:`format_peak`.

    Returns
    -------
    str

    Example
    -------
    >>> place([format_peak(0.0), "63 Hz", "1 kHz"]).replace(NO_BREAK, " ")
    'at 63 Hz and 1 kHz and below 20 Hz'
    """
    low = format_peak(0.0)
    named = _join([peak for peak in peaks if peak != low])
    parts = [f"at {named}"] * bool(named) + [low] * (low in peaks)
    return " and ".join(parts)


def _join(words: list[str]) -> str:
    """Words with commas and a final ``and``."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


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


def time_limits(passage: Decomposition) -> tuple[float, float]:
    """Borders of the first and the last frame of a passage, seconds."""
    seconds = passage.frame_seconds
    return seconds[0] - FRAME_STEP / 2, seconds[-1] + FRAME_STEP / 2


def draw_image(
    axes: Axes,
    passage: Decomposition,
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
