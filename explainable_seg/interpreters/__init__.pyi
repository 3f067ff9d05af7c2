from .attribute import (
    METHODS as METHODS,
    Method as Method,
    attribute as attribute,
)
from .spectrogram_model import (
    ClassScore as ClassScore,
    open_at_spectrogram as open_at_spectrogram,
)
