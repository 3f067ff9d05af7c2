"""The espeak-ng engine, through ctypes on the files of ``espeakng_loader``.

The engine is one per process and keeps state between utterances that cannot
be reset (the phase of its pitch flutter, its gain control). So that a voice
always sounds the same, a voice is spoken whole in a process of its own: see
:func:`in_fresh_process`.
"""

import ctypes
import multiprocessing
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from explainable_seg.composer.signals import require
from explainable_seg.errors import ExplainableSegError

Result = TypeVar("Result")

# Values of espeak-ng's speak_lib.h, version 1.52.
_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: to the callback, not to a speaker
_DO_NOT_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT
_UTF8 = 1  # espeakCHARS_UTF8
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4  # espeak_PARAMETER
_LONGEST_PATH = 159  # bytes; the engine cuts a longer one without a word

_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class Espeak:
    """The speech engine of this process.

    Arguments
    ---------
    library : str or None
        The shared library; by default that of ``espeakng_loader``.
    data : str or None
        Its data folder; by default that of ``espeakng_loader``.

    Raises
    ------
    ExplainableSegError
        If the package, the library or the data is missing or unusable.

    Example
    -------
    >>> engine = Espeak()  # doctest: +SKIP
    >>> audio = engine.say("Good evening.", "en-us+f2")  # doctest: +SKIP
    """

    def __init__(self, library: str | None = None, data: str | None = None):
        if library is None or data is None:
            loader = require("espeakng_loader")
            library = library or loader.get_library_path()
            data = data or loader.get_data_path()
        _check_data(data)
        self._library = _load(library)
        self._data = Path(data)
        self._blocks: list[np.ndarray] = []
        self._callback = _Callback(self._collect)
        self.sample_rate = self._initialise(data)

    def say(
        self,
        text: str,
        voice: str,
        rate: int = 160,
        pitch: int = 50,
        pitch_range: int = 50,
        seed: int = 0,
    ) -> np.ndarray:
        """Speak a text.

        Arguments
        ---------
        text : str
            What to say, in the language of the voice.
        voice : str
            Language and variant of the engine, for instance ``es-419+m3``.
        rate : int
            Words a minute.
        pitch, pitch_range : int
            Height and liveliness of the voice, 0 to 99.
        seed : int
            Seed of the engine's own noise.

        Returns
        -------
        np.ndarray [shape=(N,), dtype=float32]
            Audio at :attr:`sample_rate`, in [-1, 1].

        Raises
        ------
        ExplainableSegError
            If the engine does not know the voice or gives no sound.
        """
        if not self._set_voice(voice):
            raise ExplainableSegError(
                f"expected a voice of espeak-ng, got '{voice}', in the speech "
                "synthesis; choose one of its languages and variants"
            )
        self._library.espeak_ng_SetRandSeed(seed)
        # Full volume makes some variants clip inside the engine.
        for parameter, value in (
            (_VOLUME, 50),
            (_RATE, rate),
            (_PITCH, pitch),
            (_RANGE, pitch_range),
        ):
            self._library.espeak_SetParameter(parameter, value, 0)
        self._blocks = []
        spoken = text.encode() + b"\0"
        self._library.espeak_Synth(
            spoken, len(spoken), 0, 0, 0, _UTF8, None, None
        )
        self._library.espeak_Synchronize()
        if not self._blocks:
            raise ExplainableSegError(
                f"expected speech, got no sound for '{text}', in the voice "
                f"{voice}; reinstall espeakng-loader"
            )
        return np.concatenate(self._blocks).astype(np.float32) / 32768

    def _collect(self, samples: Any, n_samples: int, events: int | None) -> int:
        """Called by the engine with each block of samples; 0 goes on."""
        if samples and n_samples > 0:
            block = np.ctypeslib.as_array(samples, (n_samples,))
            self._blocks.append(block.copy())
        return 0

    def _set_voice(self, voice: str) -> bool:
        """Choose a voice; False if its language or variant is unknown."""
        variant = voice.partition("+")[2]
        # Of an unknown variant the engine would just speak without it.
        if variant and not (self._data / "voices" / "!v" / variant).is_file():
            return False
        return self._library.espeak_SetVoiceByName(voice.encode()) == 0

    def _initialise(self, data: str) -> int:
        """Start the engine on its data; its sample rate in Hz."""
        rate = self._library.espeak_Initialize(
            _SYNCHRONOUS, 0, data.encode(), _DO_NOT_EXIT
        )
        used = ctypes.c_char_p()
        self._library.espeak_Info(ctypes.byref(used))
        # The engine falls back to a path that was set when it was compiled.
        if rate <= 0 or used.value != data.encode():
            raise ExplainableSegError(
                f"expected the speech engine to read its data, got status "
                f"{rate}, in {data}; reinstall espeakng-loader"
            )
        self._library.espeak_SetSynthCallback(self._callback)
        return int(rate)


def in_fresh_process(
    function: Callable[..., Result], *arguments: Any
) -> Result:
    """Result of a function that runs in a new process of its own.

    Arguments
    ---------
    function : Callable
        A function of a module (it may have to be pickled).
    *arguments
        Its arguments.

    Returns
    -------
    Any
        What it returns; what it raises is raised here.

    Raises
    ------
    ExplainableSegError
        If the process ends without a result.
    """
    context = process_context()
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(
        target=_send_result, args=(sender, function, arguments)
    )
    process.start()
    sender.close()
    try:
        succeeded, result = receiver.recv()
    except EOFError:
        process.join()
        raise ExplainableSegError(
            f"expected a result, got exit code {process.exitcode}, in the "
            "process of the speech engine; reinstall espeakng-loader"
        ) from None
    process.join()
    if not succeeded:
        raise result
    return result


def process_context() -> Any:
    """How processes start: by fork on Linux, where it is quick and safe."""
    return multiprocessing.get_context(
        "fork" if sys.platform == "linux" else None
    )


def _send_result(
    sender: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    """Call the function and send what it returns or raises."""
    try:
        sender.send((True, function(*arguments)))
    # Whatever it is, it is raised in the process that asked.
    except Exception as error:
        sender.send((False, error))


def _check_data(data: str) -> None:
    """Raise unless a folder holds what the engine reads first."""
    if not (Path(data) / "phontab").is_file():
        raise ExplainableSegError(
            f"expected the data of espeak-ng, got no file phontab, in {data}; "
            "reinstall espeakng-loader"
        )
    if len(data.encode()) > _LONGEST_PATH:
        raise ExplainableSegError(
            f"expected a path of at most {_LONGEST_PATH} bytes, got "
            f"{len(data.encode())}, in {data}; install into a shorter path"
        )


def _load(library: str) -> ctypes.CDLL:
    """Load the shared library and declare the functions that are used."""
    try:
        loaded = ctypes.CDLL(library)
        loaded.espeak_Synth.argtypes = [
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.c_uint,
            ctypes.c_uint,
            ctypes.c_void_p,
            ctypes.c_void_p,
        ]
        loaded.espeak_ng_SetRandSeed.argtypes = [ctypes.c_long]
        loaded.espeak_SetSynthCallback.argtypes = [_Callback]
        return loaded
    except (OSError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise ExplainableSegError(
            f"expected the library of espeak-ng, got '{reason}', in {library}; "
            "reinstall espeakng-loader"
        ) from None
