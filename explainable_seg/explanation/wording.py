"""An explanation in words: the sentences of pictures."""

import math

import numpy as np

from explainable_seg.explanation.explanation import Explanation
from explainable_seg.frames import FRAME_STEP, SAMPLE_RATE

MOST_PEAKS = 3  # named in a sentence
NO_BREAK = "\N{NO-BREAK SPACE}"


def format_hz(hz: float) -> str:
    """A frequency as people say it.

    Example
    -------
    >>> format_hz(250.0), format_hz(1187.5), format_hz(4000.0)
    ('250\\xa0Hz', '1.2\\xa0kHz', '4\\xa0kHz')
    """
    if round(hz) < 1000:
        return f"{hz:.0f}{NO_BREAK}Hz"
    return f"{hz / 1000:.1f}".removesuffix(".0") + f"{NO_BREAK}kHz"


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
    return f"{value:+.2f}".replace("-", "\u2212")


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
    share = kept_share(explanation)
    peaks = _join(strongest_peaks(explanation))
    if selected.sum() == 1:
        sentence = (
            f"One of {len(r)} atoms carries {share:.0%} of the evidence for "
            f"it; its peak is at {peaks}."
        )
    else:
        sentence = (
            f"{selected.sum()} of {len(r)} atoms carry {share:.0%} of the "
            f"evidence for it; the strongest peak at {peaks}."
        )
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
    names = [format_hz(hz) for hz in peaks if not math.isnan(hz)]
    return list(dict.fromkeys(names))[:MOST_PEAKS]


def _join(words: list[str]) -> str:
    """Words with commas and a final ``and``."""
    return " and ".join([", ".join(words[:-1]), words[-1]][len(words) < 2 :])
