from .frontend import (
    FrontEnd as FrontEnd,
    make_frontend as make_frontend,
)
from .spectrogram import (
    LogPowerSpectrogram as LogPowerSpectrogram,
    unwarp_hz as unwarp_hz,
    warp_hz as warp_hz,
)
