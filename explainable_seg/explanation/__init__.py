"""Why a class was found: relevance, spectrum, sound and picture."""

from explainable_seg.explanation.explanation import Explanation, explain_class
from explainable_seg.explanation.grounding import Grounding
from explainable_seg.explanation.reading import (
    Reading,
    StudentWeights,
    make_reading,
)

__all__ = [
    "Explanation",
    "Grounding",
    "Reading",
    "StudentWeights",
    "explain_class",
    "make_reading",
]
