from .decoding import open_sound as open_sound
from .filters import (
    RumbleFilter as RumbleFilter,
    resample as resample,
)
from .level import (
    PIECE as PIECE,
    POWER_RATE as POWER_RATE,
    apply_gains as apply_gains,
    at_level as at_level,
    frame_powers as frame_powers,
    gain_curve as gain_curve,
    gain_to as gain_to,
    gated_level as gated_level,
    levelled as levelled,
    recording_level as recording_level,
)
from .sound_files import (
    AudioHeader as AudioHeader,
    copy_at_16k as copy_at_16k,
    decoded_length as decoded_length,
    encode_audio as encode_audio,
    read_header as read_header,
    write_audio as write_audio,
)
from .stream import (
    WHOLE as WHOLE,
    AudioSource as AudioSource,
    AudioStream as AudioStream,
    Excerpt as Excerpt,
    load_audio as load_audio,
    read_pipe as read_pipe,
)
