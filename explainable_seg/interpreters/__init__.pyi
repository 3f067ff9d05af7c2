from .captum_methods import (
    METHODS as METHODS,
    ClassScore as ClassScore,
    Method as Method,
    attribute as attribute,
    open_at_spectrogram as open_at_spectrogram,
)
