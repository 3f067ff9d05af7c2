"""Other methods of attribution on the same models, through captum."""

from explainable_seg.explanation.attribution.attribute import METHODS, attribute
from explainable_seg.explanation.attribution.spectrogram_model import (
    ClassScore,
    open_at_spectrogram,
)

__all__ = ["METHODS", "ClassScore", "attribute", "open_at_spectrogram"]
