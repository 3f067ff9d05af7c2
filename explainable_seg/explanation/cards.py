"""An explanation as a page shows it: words, picture, sounds and tables."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explainable_seg.explanation.explanation import Explanation
from explainable_seg.explanation.page_media import (
    audio_address,
    picture_address,
)
from explainable_seg.explanation.relevance import BANDS_HZ
from explainable_seg.explanation.wording import (
    arithmetic,
    bands_sentence,
    evidence_and_sound_shares,
    format_band,
    format_hz,
    format_signed,
    grounding_sentences,
    reason,
    verdict,
)
from explainable_seg.frames import SAMPLE_RATE

MOST_SECONDS = 60  # of sound a player in a page; the whole is in the wav
MOST_FOR, MOST_AGAINST = 8, 4  # rows of the table; all are in the JSON


@dataclass(frozen=True)
class Player:
    """A sound with its title."""

    title: str
    address: str


@dataclass(frozen=True)
class Band:
    """Shares of a band in the evidence and in the sound."""

    name: str
    evidence: float
    sound: float


@dataclass(frozen=True)
class AtomRow:
    """An atom in the table; ``width`` is its bar, 1 for the strongest."""

    index: int
    peak: str
    relevance: str
    width: float
    speaks_for: bool
    selected: bool


@dataclass(frozen=True)
class Card:
    """An explanation as a page shows it."""

    class_name: str
    verdict: str
    reason: str
    arithmetic: str
    bands_sentence: str | None
    grounding: Sequence[str]
    picture: str
    players: Sequence[Player]
    seconds: float
    shortened: bool
    bands: Sequence[Band]
    atoms: Sequence[AtomRow]


def make_card(explanation: Explanation) -> Card:
    """Words, picture, sounds and tables of an explanation.

    Arguments
    ---------
    explanation : Explanation
        An explanation.

    Returns
    -------
    Card
    """
    sound = explanation.passage.audio
    most = MOST_SECONDS * SAMPLE_RATE
    heard = (
        ("The sound", sound),
        (f"What speaks for {explanation.class_name}", explanation.audio),
        ("The rest", sound - explanation.audio),
    )
    return Card(
        class_name=explanation.class_name,
        verdict=verdict(explanation),
        reason=reason(explanation),
        arithmetic=arithmetic(explanation),
        bands_sentence=bands_sentence(explanation),
        grounding=grounding_sentences(explanation),
        picture=picture_address(explanation.picture),
        players=[Player(t, audio_address(a[:most])) for t, a in heard],
        seconds=len(sound) / SAMPLE_RATE,
        shortened=len(sound) > most,
        bands=_bands(explanation),
        atoms=_atom_rows(explanation),
    )


def _bands(explanation: Explanation) -> list[Band]:
    """Shares of the bands; none where there is no evidence or no sound."""
    shares = evidence_and_sound_shares(explanation)
    if shares is None:
        return []
    return [
        Band(format_band(band), evidence, sound)
        for band, evidence, sound in zip(BANDS_HZ, *shares)
    ]


def _atom_rows(explanation: Explanation) -> list[AtomRow]:
    """The atoms that weigh most, first those for, then those against."""
    r = explanation.relevance
    strongest = max(float(np.abs(r).max()), 1e-12)
    order = np.argsort(-r)
    speak_for = [k for k in order if r[k] > 0][:MOST_FOR]
    against = [k for k in order if r[k] < 0][-MOST_AGAINST:]
    return [
        AtomRow(
            index=int(k),
            peak=format_hz(explanation.peak_hz[k]),
            relevance=format_signed(float(r[k])),
            width=abs(float(r[k])) / strongest,
            speaks_for=bool(r[k] > 0),
            selected=bool(explanation.selected[k]),
        )
        for k in [*speak_for, *against]
    ]
