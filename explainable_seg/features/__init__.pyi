from .frontend import (
    FRONTENDS as FRONTENDS,
    FrontEnd as FrontEnd,
    FrontEndKind as FrontEndKind,
    make_frontend as make_frontend,
)
from .spectrogram import (
    LogPowerSpectrogram as LogPowerSpectrogram,
    unwarp_hz as unwarp_hz,
    warp_hz as warp_hz,
)
