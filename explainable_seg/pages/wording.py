"""An explanation in words: the sentences of pictures."""

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

import numpy as np

from explainable_seg.explanation import Explanation
from explainable_seg.frames import FRAME_STEP, SAMPLE_RATE

MOST_PEAKS = 3  # named in a sentence
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
        strongest peak at 250 Hz, 500 Hz and 1.2 kHz.``
    """
    r, selected = explanation.relevance, explanation.selected
    if not selected.any():
        return "No atom speaks for it."
    share = format_percent(kept_share(explanation))
    peaks = strongest_peaks(explanation)
    if selected.sum() == 1:
        sentence = (
            f"One of {len(r)} atoms carries {share} of the evidence for it"
        )
        verb = "; its peak is"
    else:
        sentence = (
            f"{selected.sum()} of {len(r)} atoms carry {share} of the "
            "evidence for it"
        )
        verb = "; the strongest peak"
    sentence += f"{verb} {place(peaks)}." if peaks else "."
    if r.sum() < 0:
        sentence += " More evidence speaks against it."
    return sentence


def kept_share(explanation: Explanation) -> float:
    """Share of the positive relevance that the selected atoms carry."""
    positive = explanation.relevance.clip(min=0)
    return float(positive[explanation.selected].sum() / positive.sum())


def strongest_peaks(explanation: Explanation) -> list[str]:
    """Peaks of the most relevant selected atoms, each named once."""
    order = np.argsort(-explanation.relevance)
    peaks = [explanation.peak_hz[k] for k in order if explanation.selected[k]]
    names = [format_peak(hz) for hz in peaks if not math.isnan(hz)]
    return list(dict.fromkeys(names))[:MOST_PEAKS]


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
