"""An explanation in words: the sentences of pictures and reports."""

import math

import numpy as np
import torch

from explainable_seg.explanation.explanation import Explanation
from explainable_seg.explanation.relevance import (
    BANDS_HZ,
    band_shares,
    relevance_spectrum,
)
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
    """A band of frequencies as people say it.

    Example
    -------
    >>> format_band((100.0, 1000.0)).replace(NO_BREAK, " ")
    '100 Hz to 1 kHz'
    >>> format_band((4000.0, 8000.0)).replace(NO_BREAK, " ")
    'above 4 kHz'
    """
    low, high = band
    if low == 0:
        return f"below {format_hz(high)}"
    if high == SAMPLE_RATE / 2:
        return f"above {format_hz(low)}"
    return f"{format_hz(low)} to {format_hz(high)}"


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


def arithmetic(explanation: Explanation) -> str:
    """How the logit adds up, in one line.

    Arguments
    ---------
    explanation : Explanation
        An explanation.

    Returns
    -------
    str
        For instance ``bias -1.92, for +5.31, against -0.40: logit +2.99``,
        with true minus signs.
    """
    r = explanation.relevance
    parts = (
        f"bias {format_signed(explanation.bias)}",
        f"for {format_signed(r.clip(min=0).sum())}",
        f"against {format_signed(r.clip(max=0).sum())}",
    )
    total = format_signed(explanation.logit_mean)
    return f"{', '.join(parts)}: logit {total}"


def bands_sentence(explanation: Explanation) -> str | None:
    """In which band most of the evidence lies, beside the sound itself.

    Arguments
    ---------
    explanation : Explanation
        An explanation.

    Returns
    -------
    str or None
        None where there is no evidence or no sound.
    """
    shares = evidence_and_sound_shares(explanation)
    if shares is None:
        return None
    evidence, sound = shares
    strongest = int(np.argmax(evidence))
    return (
        f"The band {format_band(BANDS_HZ[strongest])} holds "
        f"{evidence[strongest]:.0%} of the evidence and "
        f"{sound[strongest]:.0%} of the sound."
    )


def grounding_sentences(explanation: Explanation) -> list[str]:
    """How far the atoms stand for the sound, in plain words.

    Arguments
    ---------
    explanation : Explanation
        An explanation.

    Returns
    -------
    list[str]
    """
    error = explanation.reconstruction_error
    if error is None:
        return ["This is digital silence: there is no sound to rebuild."]
    share = max(0.0, 1.0 - error**2)
    sentences = [
        f"The atoms rebuild this sound with an error of {error:.2f} "
        f"(0 is perfect, 1 is nothing): they account for {share:.0%} of the "
        "spectrogram."
    ]
    grounding = explanation.grounding
    if grounding is None:
        return sentences
    if grounding.best_error is not None:
        sentences.append(
            "The best that this dictionary does here, without deciding "
            f"anything, is {grounding.best_error:.2f}."
        )
    if None not in (grounding.agreement, grounding.control_agreement):
        sentences.append(
            f"The atoms in use agree by {grounding.agreement:.2f} with those "
            "that the sound alone would call for (1 is full agreement); with "
            f"scrambled atoms it is {grounding.control_agreement:.2f}."
        )
    return sentences


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


def evidence_and_sound_shares(
    explanation: Explanation,
) -> tuple[list[float], list[float]] | None:
    """Shares of each band of BANDS_HZ in the evidence and in the sound.

    Arguments
    ---------
    explanation : Explanation
        An explanation.

    Returns
    -------
    tuple[list[float], list[float]] or None
        None where there is no evidence or no sound.
    """
    spectrum = relevance_spectrum(
        torch.from_numpy(explanation.relevance),
        explanation.weights.dictionary,
    )
    frames = torch.from_numpy(explanation.explained)
    evidence = band_shares(spectrum)
    sound = band_shares(explanation.passage.spectrogram[frames].mean(dim=0))
    if evidence is None or sound is None:
        return None
    return evidence, sound


def _join(words: list[str]) -> str:
    """Words with commas and a final ``and``."""
    return " and ".join([", ".join(words[:-1]), words[-1]][len(words) < 2 :])
