"""Every audio format in, clear errors for what is no audio."""

import os
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile
import soxr
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from tiny_student import tones

from explainable_seg.errors import AudioError
from explainable_seg.inference.audio import BLOCK, load_audio, to_mono_16k


def write(folder: Path, audio: np.ndarray, rate: int, name: str, **kw) -> Path:
    """File of a sound."""
    soundfile.write(folder / name, audio, rate, **kw)
    return folder / name


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000, 96000])
def test_a_tone_stays_where_and_what_it_is_at_any_rate(tmp_path, rate):
    time = np.arange(rate * 2) / rate
    stereo = np.stack([np.sin(2 * np.pi * 440 * time), 0 * time], axis=1)
    audio = load_audio(write(tmp_path, stereo, rate, "a.wav", subtype="FLOAT"))
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(32000) / 16000)
    assert audio.dtype == np.float32 and audio.shape == (32000,)
    inside = slice(400, -400)  # the filter sees beyond the ends
    np.testing.assert_allclose(audio[inside], expected[inside], atol=2e-4)


@pytest.mark.parametrize("rate", [8000, 44100])
def test_resampling_agrees_with_scipy(rate):
    audio = tones(1.0, rate).astype(np.float64)
    audio = scipy.signal.sosfiltfilt(  # both keep what is far below Nyquist
        scipy.signal.butter(8, 2000, fs=rate, output="sos"), audio
    )
    up, down = (2, 1) if rate == 8000 else (160, 441)
    theirs = scipy.signal.resample_poly(audio, up, down)
    ours = to_mono_16k(audio, rate)
    assert len(ours) == len(theirs) == 16000
    np.testing.assert_allclose(ours[800:-800], theirs[800:-800], atol=2e-3)


@pytest.mark.parametrize(
    "subtype, step",
    [
        ("PCM_U8", 2**-7),
        ("PCM_16", 2**-15),
        ("PCM_24", 2**-23),
        ("PCM_32", 2**-24),
        ("FLOAT", 0.0),
        ("DOUBLE", 0.0),
    ],
)
def test_sample_widths_differ_by_their_rounding_only(tmp_path, subtype, step):
    sound = tones(0.5)
    audio = load_audio(write(tmp_path, sound, 16000, "a.wav", subtype=subtype))
    np.testing.assert_allclose(audio, sound, rtol=0, atol=1.01 * step)


@pytest.mark.parametrize("extension", ["flac", "ogg", "mp3", "aiff"])
def test_other_formats_hold_the_same_sound(tmp_path, extension):
    sound = tones(3.0, 44100)
    audio = load_audio(write(tmp_path, sound, 44100, f"a.{extension}"))
    expected = to_mono_16k(sound, 44100)
    size = min(len(audio), len(expected))
    assert abs(len(audio) - len(expected)) < 2000
    assert np.corrcoef(audio[:size], expected[:size])[0, 1] > 0.99


def test_lossless_formats_give_the_same_samples(tmp_path):
    sound = (2**15 * tones(1.0)).astype(np.int16)
    wav = write(tmp_path, sound, 16000, "a.wav")
    flac = write(tmp_path, sound, 16000, "b.flac")
    np.testing.assert_array_equal(load_audio(wav), load_audio(flac))


def test_opus(tmp_path):
    soundfile.write(
        tmp_path / "a.opus", tones(1.0, 48000), 48000, "OPUS", format="OGG"
    )
    assert abs(len(load_audio(tmp_path / "a.opus")) - 16000) < 200


def test_silence_and_the_shortest_file(tmp_path):
    silent = write(tmp_path, np.zeros(16000), 16000, "silent.wav")
    assert not load_audio(silent).any()
    assert len(load_audio(write(tmp_path, np.ones(400), 16000, "b.wav"))) == 400
    # 200 samples at 8 kHz are 400 at 16 kHz.
    assert len(load_audio(write(tmp_path, np.ones(200), 8000, "c.wav"))) == 400


def test_blocks_leave_no_seam(tmp_path):
    sound = tones((BLOCK + 5000) / 44100, 44100)
    whole = soxr.resample(sound, 44100, 16000)
    path = write(tmp_path, sound, 44100, "a.wav", subtype="FLOAT")
    np.testing.assert_allclose(load_audio(path), whole, atol=1e-6)
    np.testing.assert_array_equal(load_audio(path), to_mono_16k(sound, 44100))


def test_a_file_cut_in_the_middle_counts_as_far_as_it_decodes(tmp_path):
    path = write(tmp_path, tones(2.0), 16000, "a.wav", subtype="PCM_16")
    path.write_bytes(path.read_bytes()[: 44 + 2 * 16000])
    assert len(load_audio(path)) == 16000


def bad_files(folder: Path) -> dict[str, Path]:
    """One file of each kind that must fail."""
    whole = write(folder, tones(2.0), 16000, "whole.wav").read_bytes()
    flac = write(folder, tones(2.0), 16000, "whole.flac").read_bytes()
    ogg = write(folder, tones(2.0), 16000, "whole.ogg").read_bytes()
    nan = tones(1.0)
    nan[8000] = np.nan
    contents = {
        "empty.wav": b"",
        "empty.mp3": b"",
        "header.wav": whole[:44],
        "header.flac": flac[:42],
        "header.ogg": ogg[:200],
        "half.flac": flac[: len(flac) // 2],
        "text.wav": b"This is a text, and no sound.\n" * 50,
        "text.mp3": b"This is a text, and no sound.\n" * 50,
        "headerless.raw": whole[44:],
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    write(folder, np.zeros(399), 16000, "short.wav")
    write(folder, np.zeros(1100), 44100, "short44.wav")
    write(folder, np.zeros(0), 16000, "nothing.wav")
    write(folder, nan, 16000, "nan.wav", subtype="FLOAT")
    write(folder, np.full(1000, np.inf), 16000, "inf.wav", subtype="FLOAT")
    write(folder, 2.0**15 * tones(1.0), 16000, "loud.wav", subtype="FLOAT")
    (folder / "folder.wav").mkdir()
    return {
        name: folder / name
        for name in [
            *contents,
            "short.wav",
            "short44.wav",
            "nothing.wav",
            "nan.wav",
            "inf.wav",
            "loud.wav",
            "folder.wav",
            "missing.wav",
        ]
    }


def test_what_is_no_sound_fails_in_one_line_with_file_and_remedy(tmp_path):
    for name, path in bad_files(tmp_path).items():
        with pytest.raises(AudioError) as caught:
            load_audio(path)
        message = str(caught.value)
        assert "\n" not in message, name
        assert message.startswith("expected "), name
        assert ", got " in message and f"in {path};" in message, message


@pytest.mark.parametrize(
    "name, words",
    [
        ("empty.wav", "empty file"),
        ("missing.wav", "No such file"),
        ("header.wav", "no samples behind the header"),
        ("text.wav", "Format not recognised"),
        ("short.wav", "at least 400 samples at 16 kHz"),
        ("nan.wav", "NaN or infinity at 0.500 s"),
        ("loud.wav", "32768"),
    ],
)
def test_errors_say_what_is_wrong(tmp_path, name, words):
    with pytest.raises(AudioError, match=words):
        load_audio(bad_files(tmp_path)[name])


def test_an_error_in_a_later_block_is_told_with_its_time():
    sound = np.zeros(BLOCK + 1000, dtype=np.float32)
    sound[BLOCK + 800] = np.nan
    with pytest.raises(AudioError, match=f"at {(BLOCK + 800) / 16000:.3f} s"):
        to_mono_16k(sound, 16000)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(tmp_path):
    path = write(tmp_path, tones(1.0), 16000, "a.wav")
    path.chmod(0)
    with pytest.raises(AudioError, match="Permission denied"):
        load_audio(path)


@given(
    channels=st.integers(1, 3),
    dtype=st.sampled_from(["int16", "int32", "uint8", "float32", "float64"]),
    turned=st.booleans(),
)
@settings(max_examples=20, deadline=None)
def test_arrays_of_any_kind_and_layout(channels, dtype, turned):
    sound = tones(0.1)
    scale = {"int16": 2**15, "int32": 2**31, "uint8": 2**7}.get(dtype, 1)
    centre = 2**7 if dtype == "uint8" else 0
    array = np.tile((scale * sound.astype(float) + centre)[:, None], channels)
    array = array.astype(dtype)
    audio = to_mono_16k(array.T if turned else array, 16000)
    np.testing.assert_allclose(audio, sound, atol=1.01 / min(scale, 2**20))


def test_tensors_are_arrays():
    sound = tones(0.5)
    tensor = torch.from_numpy(sound)[None].requires_grad_()
    np.testing.assert_array_equal(to_mono_16k(tensor, 16000), sound)


@pytest.mark.parametrize(
    "array, rate",
    [
        (np.zeros((2, 3, 1000)), 16000),
        (np.zeros(1000, dtype=bool), 16000),
        (np.zeros(1000, dtype=complex), 16000),
        (np.array(["a"] * 1000), 16000),
        (np.zeros(0), 16000),
        (np.zeros(399), 16000),
        (np.zeros(1000), 0),
        (np.zeros(1000), -16000),
        (np.full(1000, np.nan), 16000),
    ],
)
def test_what_is_no_audio_array_fails(array, rate):
    with pytest.raises(AudioError, match="in the array"):
        to_mono_16k(array, rate)
