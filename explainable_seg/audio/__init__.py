"""One way from any file, array or stream to 16 kHz mono at a level."""

from explainable_seg.audio.decoding import open_sound
from explainable_seg.audio.files import (
    AudioHeader,
    copy_at_16k,
    decoded_length,
    encode_audio,
    read_header,
    write_audio,
)
from explainable_seg.audio.filters import RumbleFilter
from explainable_seg.audio.level import (
    at_level,
    brought,
    frame_powers,
    gain_curve,
    gain_to,
    gated_level,
    levelled,
    recording_level,
)
from explainable_seg.audio.resampling import resample
from explainable_seg.audio.stream import (
    WHOLE,
    AudioStream,
    Excerpt,
    Recording,
    load_audio,
    read_pipe,
)

__all__ = [
    "WHOLE",
    "AudioHeader",
    "AudioStream",
    "Excerpt",
    "Recording",
    "RumbleFilter",
    "at_level",
    "brought",
    "copy_at_16k",
    "decoded_length",
    "encode_audio",
    "frame_powers",
    "gain_curve",
    "gain_to",
    "gated_level",
    "levelled",
    "load_audio",
    "open_sound",
    "read_header",
    "read_pipe",
    "recording_level",
    "resample",
    "write_audio",
]
