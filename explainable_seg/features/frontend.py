"""Front ends of the models behind one call: audio in, features out."""

from typing import Any, Union

from explainable_seg.errors import SettingsError
from explainable_seg.features.spectrogram import LogPowerSpectrogram
from explainable_seg.features.wavlm import WavLMFeatures

FrontEnd = Union[LogPowerSpectrogram, WavLMFeatures]

FRONTENDS: dict[str, Any] = {
    "spectrogram": LogPowerSpectrogram,
    "wavlm": WavLMFeatures,
}


def make_frontend(type: str = "spectrogram", **arguments: Any) -> FrontEnd:
    """Front end by name.

    Arguments
    ---------
    type : str
        ``spectrogram`` or ``wavlm``.
    **arguments : dict
        Arguments of the front end.

    Returns
    -------
    FrontEnd
        Module with ``n_features`` and ``config``; maps audio [B, N] to
        features [B, T, n_features] on the house frame grid.

    Raises
    ------
    ValueError
        If the type is unknown.

    Example
    -------
    >>> make_frontend("spectrogram", n_fft=1024).n_features
    513
    """
    if type not in FRONTENDS:
        known = ", ".join(FRONTENDS)
        raise SettingsError(f"expected a front end among {known}, got '{type}'")
    return FRONTENDS[type](**arguments)
