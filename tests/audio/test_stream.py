"""Every audio format in, clear errors for what is no audio."""

import os
import shutil
import subprocess
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

from explainable_seg.audio.decoding import BLOCK
from explainable_seg.audio.stream import AudioStream, Excerpt, load_audio
from explainable_seg.errors import AudioError


def plain(source, sample_rate=None) -> np.ndarray:
    """A recording with all that rumbles in it."""
    return AudioStream(source, sample_rate, filtered=False).read()


def write(folder: Path, audio: np.ndarray, rate: int, name: str, **kw) -> Path:
    """File of a sound."""
    soundfile.write(folder / name, audio, rate, **kw)
    return folder / name


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000, 96000])
def test_a_tone_stays_where_and_what_it_is_at_any_rate(tmp_path, rate):
    time = np.arange(rate * 2) / rate
    stereo = np.stack([np.sin(2 * np.pi * 440 * time), 0 * time], axis=1)
    audio = plain(write(tmp_path, stereo, rate, "a.wav", subtype="FLOAT"))
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
    ours = load_audio(audio, sample_rate=rate)
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
    audio = plain(write(tmp_path, sound, 16000, "a.wav", subtype=subtype))
    np.testing.assert_allclose(audio, sound, rtol=0, atol=1.01 * step)


@pytest.mark.parametrize("extension", ["flac", "ogg", "mp3", "aiff"])
def test_other_formats_hold_the_same_sound(tmp_path, extension):
    sound = tones(3.0, 44100)
    audio = load_audio(write(tmp_path, sound, 44100, f"a.{extension}"))
    expected = load_audio(sound, sample_rate=44100)
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
    np.testing.assert_allclose(plain(path), whole, atol=1e-6)
    np.testing.assert_array_equal(
        load_audio(path), load_audio(sound, sample_rate=44100)
    )


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


@pytest.fixture
def no_ffmpeg(monkeypatch):
    """A machine without ffmpeg."""
    monkeypatch.setenv("PATH", "")


def test_what_is_no_sound_fails_in_one_line_with_file_and_remedy(
    tmp_path, no_ffmpeg
):
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
        ("text.wav", "Format not recognised.*install ffmpeg"),
        ("short.wav", "at least 400 samples at 16 kHz"),
        ("nan.wav", "NaN or infinity at 0.500 s"),
        ("loud.wav", "32768"),
    ],
)
def test_errors_say_what_is_wrong(tmp_path, name, words, no_ffmpeg):
    with pytest.raises(AudioError, match=words):
        load_audio(bad_files(tmp_path)[name])


def test_an_error_in_a_later_block_is_told_with_its_time():
    sound = np.zeros(BLOCK + 1000, dtype=np.float32)
    sound[BLOCK + 800] = np.nan
    with pytest.raises(AudioError, match=f"at {(BLOCK + 800) / 16000:.3f} s"):
        load_audio(sound, sample_rate=16000)


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
    audio = plain(array.T if turned else array, 16000)
    np.testing.assert_allclose(audio, sound, atol=1.01 / min(scale, 2**20))


def test_tensors_are_arrays():
    sound = tones(0.5)
    tensor = torch.from_numpy(sound)[None].requires_grad_()
    np.testing.assert_array_equal(plain(tensor, 16000), sound)


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
        load_audio(array, sample_rate=rate)


needs_ffmpeg = pytest.mark.skipif(
    shutil.which("ffmpeg") is None, reason="no ffmpeg on this machine"
)


def encoded(folder: Path, name: str, *options: str) -> Path:
    """Three seconds of stereo tones, encoded with ffmpeg."""
    stereo = np.stack([tones(3.0, 44100), np.zeros(132300)], axis=1)
    wav = write(folder, stereo, 44100, "source.wav")
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(wav), *options]
    subprocess.run([*command, str(folder / name)], check=True)
    return folder / name


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.m4a", "a.mp4", "a.mkv", "a.webm", "a.wma"])
def test_what_libsndfile_does_not_read_goes_through_ffmpeg(tmp_path, name):
    audio = load_audio(encoded(tmp_path, name))
    expected = load_audio(tmp_path / "source.wav")
    size = min(len(audio), len(expected))
    assert abs(len(audio) - len(expected)) < 2500
    # Encoders delay: the best of the lags up to 0.1 s must be about the same.
    lags = scipy.signal.correlate(audio[:size], expected[:size], "same")
    energy = np.linalg.norm(audio[:size]) * np.linalg.norm(expected[:size])
    assert lags[size // 2 - 1600 : size // 2 + 1600].max() > 0.95 * energy


@needs_ffmpeg
def test_a_channel_and_a_span_of_a_video(tmp_path):
    picture = ("-f", "lavfi", "-i", "color=size=16x16:rate=5", "-shortest")
    path = encoded(tmp_path, "a.mkv", *picture, "-c:a", "pcm_s16le")
    whole = load_audio(tmp_path / "source.wav", Excerpt(channel=1))
    np.testing.assert_allclose(
        load_audio(path, Excerpt(channel=1)), whole, atol=1e-4
    )
    part = load_audio(path, Excerpt(channel=1, start=1.0, end=2.5))
    assert len(part) == 24000
    np.testing.assert_allclose(part[400:-400], whole[16400:39600], atol=2e-3)
    assert not load_audio(path, Excerpt(channel=2)).any()


@needs_ffmpeg
def test_ffmpeg_fetches_nothing_that_a_file_names(tmp_path):
    playlist = tmp_path / "list.m3u8"
    header = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n"
    playlist.write_text(header + "http://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(AudioError, match="ffmpeg"):
        load_audio(playlist)


@needs_ffmpeg
def test_a_damaged_video_fails_in_one_line(tmp_path):
    path = encoded(tmp_path, "a.m4a")
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(AudioError, match=f"in {path};"):
        load_audio(path)


@pytest.mark.parametrize("extension", ["wav", "flac", "ogg", "mp3"])
def test_an_excerpt_is_what_the_whole_has_there(tmp_path, extension):
    sound = np.stack([tones(4.0), -0.5 * tones(4.0)], axis=1)
    path = write(tmp_path, sound, 16000, f"a.{extension}")
    whole = load_audio(path, Excerpt(channel=2))
    part = load_audio(path, Excerpt(channel=2, start=1.25, end=3.0))
    np.testing.assert_allclose(part, whole[20000:48000], atol=1e-6)
    np.testing.assert_allclose(
        load_audio(path, Excerpt(channel=2, start=2.0, end=99.0)),
        whole[32000:],
        atol=1e-6,
    )


def test_an_excerpt_of_an_array_is_resampled_after_the_cut():
    sound = tones(2.0, 48000)
    part = AudioStream(sound, 48000, Excerpt(end=0.5))
    assert sum(map(len, part)) == 8000


@pytest.mark.parametrize(
    "excerpt, words",
    [
        ({"channel": 0}, "first channel is 1"),
        ({"channel": 3}, "expected a channel up to 2, got 3"),
        ({"start": 2.0, "end": 1.0}, "end after the start"),
        ({"start": -1.0}, "start from 0 s on, got -1"),
        ({"start": float("nan")}, "start from 0 s on, got nan"),
        ({"start": 0.5, "end": float("nan")}, "end after the start"),
        ({"start": 7.0}, "expected sound after 7 s"),
        ({"start": 0.99}, "at least 400 samples"),
    ],
)
def test_excerpts_that_cannot_be(tmp_path, excerpt, words):
    path = write(tmp_path, np.zeros((16000, 2)), 16000, "a.wav")
    with pytest.raises(AudioError, match=words):
        load_audio(path, Excerpt(**excerpt))


def test_a_header_of_many_channels_costs_no_memory(tmp_path):
    sound = np.zeros((8000, 1000), dtype=np.int16)
    path = write(tmp_path, sound, 16000, "a.wav", subtype="PCM_16")
    blocks = [len(block) for block in AudioStream(path)]
    assert sum(blocks) == 8000 and max(blocks) < 2000
