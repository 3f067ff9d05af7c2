"""Colours and type of pictures and pages, in one place.

The class colours are those of Okabe and Ito (2008), which people with any
common colour vision tell apart; each class has one everywhere.
"""

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
