"""Files as people have them: joined, cut, damaged, late, with many tracks."""

import io
import os
import re
import shutil
import subprocess
import threading
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tiny_student import tones

from explainable_seg.audio import (
    AudioStream,
    Excerpt,
    decoded_length,
    ffmpeg,
    load_audio,
    read_header,
)
from explainable_seg.errors import AudioError

RATE = 16000
needs_ffmpeg = pytest.mark.skipif(
    shutil.which("ffmpeg") is None, reason="no ffmpeg on this machine"
)


@pytest.fixture
def no_ffmpeg(monkeypatch):
    """A machine without ffmpeg."""
    monkeypatch.setenv("PATH", "")


def heard(source, excerpt=Excerpt()):
    """Audio of a recording, and what is said of it."""
    stream = AudioStream(source, None, excerpt)
    return stream.read(), stream.notes


def save(path: Path, seconds=20.0, rate=RATE, **options) -> Path:
    """A recording of tones."""
    soundfile.write(path, tones(seconds, rate), rate, **options)
    return path


def encode(source: Path, target: Path, *options: str) -> Path:
    """A file of ffmpeg."""
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(source), *options]
    subprocess.run([*command, str(target)], check=True)
    return target


def join(*paths: Path) -> bytes:
    """Files put one behind the other."""
    return b"".join(path.read_bytes() for path in paths)


# Full scale and channels


def test_channels_that_cancel_each_other(tmp_path):
    sound = tones(5.0)
    for name, stacked in (
        ("inverted", np.stack([0.5 * sound, -sound], axis=1)),
        ("nearly", np.stack([0.9 * sound, -sound], axis=1)),
    ):
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, stacked + 0.1, RATE)
        audio, notes = heard(path)
        if name == "nearly":
            np.testing.assert_allclose(
                audio, -load_audio(sound, sample_rate=RATE), atol=1e-4
            )
            assert notes == [
                "the channels cancel each other: took channel 2; choose with "
                "--channel"
            ]
        else:
            assert np.abs(audio).max() > 0.05
    assert not heard(path, Excerpt(channel=1))[1]
    array = AudioStream(stacked, RATE)
    np.testing.assert_allclose(array.read(), audio, atol=1e-4)
    assert array.notes == notes


@pytest.mark.parametrize("first_seconds", [0.0, 8.0])
def test_channels_that_cancel_for_a_while(tmp_path, first_seconds):
    sound = tones(20.0)
    turned = np.where(np.arange(len(sound)) < first_seconds * RATE, 1, -1)
    turned[12 * RATE :] = 1
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([sound, turned * sound], axis=1), RATE)
    seconds = 12.0 - first_seconds
    _, (note,) = heard(path)
    said = re.fullmatch(
        r"the channels cancel each other for (\S+) s; choose one with --channel",
        note,
    )
    assert said and abs(float(said[1]) - seconds) < 1.2
    assert heard(path, Excerpt(channel=1))[1] == []
    assert heard(path, Excerpt(start=13.0))[1] == []


@needs_ffmpeg
def test_channels_that_cancel_behind_a_long_silence(tmp_path):
    sound = np.concatenate([np.zeros(20 * RATE), tones(10.0)])
    soundfile.write(tmp_path / "a.wav", np.stack([sound, -sound], 1), RATE)
    path = encode(tmp_path / "a.wav", tmp_path / "a.mka", "-c:a", "pcm_s16le")
    (note,) = heard(path)[1]
    assert note.startswith("the channels cancel each other for 10.")


def test_channels_that_a_codec_keeps_from_cancelling(tmp_path):
    noise = np.random.default_rng(0).normal(0, 0.1, 5 * RATE)
    sound = tones(5.0)
    stacked = np.stack([sound + 0.2 * noise, -0.6 * sound + 0.2 * noise], 1)
    soundfile.write(tmp_path / "a.wav", stacked, RATE)
    (note,) = heard(tmp_path / "a.wav")[1]
    assert note.startswith("the channels cancel each other: took channel 1")


def test_channels_that_differ_are_averaged(tmp_path):
    left = tones(5.0)
    right = np.random.default_rng(1).normal(0, 0.1, len(left))
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([left, right], axis=1), RATE)
    audio, notes = heard(path)
    expected = load_audio((left + right) / 2, sample_rate=RATE)
    np.testing.assert_allclose(audio, expected, atol=1e-4)
    assert notes == []


@pytest.mark.parametrize("kind", ["int32", "int64", "list", "tuple", "uint32"])
def test_integers_without_a_full_scale_are_asked_for_it(kind):
    samples = (2**15 * tones(1.0)).astype(np.int16)
    shown = samples.tolist()
    array = {"list": shown, "tuple": tuple(shown)}.get(kind)
    if array is None:
        array = samples.astype(kind)
    with pytest.raises(AudioError, match="full scale.*32768 for 16 bits"):
        load_audio(array, sample_rate=RATE)


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "uint16", "int32"])
def test_integers_of_a_known_full_scale(kind):
    sound = tones(1.0)
    limits = np.iinfo(kind)
    centre = 0 if limits.min < 0 else (limits.max + 1) // 2
    scaled = sound.astype(float) * (limits.max - centre) + centre
    audio = load_audio(scaled.astype(kind), sample_rate=RATE)
    expected = load_audio(sound, sample_rate=RATE)
    np.testing.assert_allclose(
        audio, expected, atol=2.1 / (limits.max - centre) + 1e-6
    )


def test_tensors_of_any_kind_are_sound():
    sound = torch.from_numpy(tones(1.0).astype(np.float32))
    expected = load_audio(sound, sample_rate=RATE)
    rounded = load_audio(sound.bfloat16(), sample_rate=RATE)
    np.testing.assert_allclose(rounded, expected, atol=4e-3)
    sparse = load_audio(sound.to_sparse(), sample_rate=RATE)
    np.testing.assert_array_equal(sparse, expected)


def test_a_rate_is_a_whole_number():
    sound = tones(1.0)
    assert len(load_audio(sound, sample_rate=16000.0)) == RATE
    for rate in (44100.5, "16000", float("nan")):
        with pytest.raises(AudioError, match="whole number"):
            load_audio(sound, sample_rate=rate)


def test_a_list_of_floats_is_sound():
    sound = tones(0.1)
    np.testing.assert_allclose(
        load_audio(sound.tolist(), sample_rate=RATE),
        load_audio(sound, sample_rate=RATE),
        atol=1e-6,
    )
    with pytest.raises(AudioError, match="in the array"):
        load_audio([[0.1, 0.2], [0.3]], sample_rate=RATE)


# What headers do not count


def wrapped(path: Path, sound: np.ndarray, counted: int) -> Path:
    """A WAV file whose header counts some bytes of its samples only."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((sound * 2**15).astype("<i2").tobytes())
    content = bytearray(path.read_bytes())
    content[4:8] = (counted + 36).to_bytes(4, "little")
    content[40:44] = counted.to_bytes(4, "little")
    path.write_bytes(content)
    return path


@needs_ffmpeg
def test_a_size_that_wrapped(tmp_path):
    sound = tones(20.0)
    path = wrapped(tmp_path / "a.wav", sound, 64000)
    audio, notes = heard(path)
    np.testing.assert_allclose(
        audio, load_audio(sound, sample_rate=RATE), atol=1e-4
    )
    assert "18.0 s more were decoded with ffmpeg" in notes[0]
    assert read_header(path).duration == 20.0


def test_without_ffmpeg_what_is_not_counted_is_an_error(tmp_path, no_ffmpeg):
    path = wrapped(tmp_path / "a.wav", tones(20.0), 64000)
    with pytest.raises(AudioError, match="after 2.0 s, in .*install ffmpeg"):
        load_audio(path)


def test_chunks_behind_the_sound_are_no_sound(tmp_path):
    path = save(tmp_path / "a.wav")
    text = b"x" * 200_000
    with open(path, "ab") as stream:
        stream.write(b"LIST" + len(text).to_bytes(4, "little") + text)
    audio, notes = heard(path)
    assert len(audio) == 20 * RATE and notes == []


@needs_ffmpeg
@pytest.mark.parametrize(
    "name", ["a.ogg", "a.opus", "a.mp3", "a.flac", "a.wav", "a.au"]
)
def test_recordings_put_one_behind_the_other(tmp_path, name):
    options = {"a.opus": {"format": "OGG", "subtype": "OPUS"}}.get(name, {})
    one = save(tmp_path / name, 10.0, **options)
    both = tmp_path / f"both{one.suffix}"
    both.write_bytes(join(one, one))
    audio, _ = heard(both)
    # A decoder may lose a block at the seam, and an encoder pads.
    assert abs(len(audio) - 20 * RATE) < 0.6 * RATE
    first = load_audio(one)[: 9 * RATE]
    np.testing.assert_allclose(audio[: len(first)], first, atol=0.05)
    assert np.abs(audio[-5 * RATE :]).max() > 0.1


@pytest.mark.parametrize("name", ["a.ogg", "a.mp3", "a.flac", "a.wav", "a.au"])
def test_without_ffmpeg_they_are_an_error(tmp_path, name, no_ffmpeg):
    one = save(tmp_path / name, 10.0)
    both = tmp_path / f"both{one.suffix}"
    both.write_bytes(join(one, one))
    with pytest.raises(AudioError, match="install ffmpeg"):
        load_audio(both)


@needs_ffmpeg
def test_mp3_without_a_count_of_its_frames(tmp_path):
    wav = save(tmp_path / "a.wav", 30.0)
    path = encode(wav, tmp_path / "a.mp3", "-q:a", "5", "-write_xing", "0")
    audio, notes = heard(path)
    assert abs(len(audio) - 30 * RATE) < 0.2 * RATE
    assert not any("promises" in note for note in notes)
    assert abs(read_header(path).duration - 30) < 0.2


@needs_ffmpeg
def test_flac_from_a_pipe(tmp_path):
    wav = save(tmp_path / "a.wav")
    made = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(wav), "-f", "flac", "-"],
        capture_output=True,
        check=True,
    )
    path = tmp_path / "a.flac"
    path.write_bytes(made.stdout)
    audio, notes = heard(path)
    np.testing.assert_allclose(audio, load_audio(wav), atol=1e-5)
    assert notes == []
    assert read_header(path) == (RATE, 20 * RATE)


@needs_ffmpeg
@pytest.mark.parametrize("ending", ["flac", "mp3", "au", "ogg", "wav"])
@pytest.mark.parametrize("fault", ["whole", "cut", "joined", "damaged"])
def test_the_length_is_that_of_what_is_there(tmp_path, ending, fault):
    whole = save(tmp_path / f"whole.{ending}", 20.0).read_bytes()
    middle = len(whole) // 2
    path = tmp_path / f"{fault}.{ending}"
    path.write_bytes(
        {
            "whole": whole,
            "cut": whole[:middle],
            "joined": whole * 2,
            "damaged": whole[:middle] + bytes(3000) + whole[middle + 3000 :],
        }[fault]
    )
    assert read_header(path) == decoded_length(path)


# Cut and damaged


@needs_ffmpeg
@pytest.mark.parametrize("options", [["-f", "adts"], ["-write_xing", "0"]])
def test_a_length_that_ffmpeg_guesses_is_no_promise(tmp_path, options):
    sound = np.concatenate([tones(5.0), np.zeros(25 * RATE)])
    soundfile.write(tmp_path / "a.wav", sound, RATE)
    name = "a.mp3" if "-write_xing" in options else "a.aac"
    options = [*options, "-q:a", "5"] if name == "a.mp3" else options
    audio, notes = heard(encode(tmp_path / "a.wav", tmp_path / name, *options))
    assert abs(len(audio) - 30 * RATE) < 0.2 * RATE and notes == []


@needs_ffmpeg
def test_half_of_what_only_ffmpeg_reads(tmp_path):
    wav = save(tmp_path / "a.wav")
    for name, note in (
        ("a.oga", "the file is cut off"),
        ("a.flv", "before the length that it promises"),
    ):
        content = encode(wav, tmp_path / name, "-ar", "44100").read_bytes()
        half = tmp_path / f"half{name}"
        half.write_bytes(content[: len(content) // 2])
        audio, notes = heard(half)
        assert 8.0 < len(audio) / RATE < 13.0
        assert any(note in said for said in notes)


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.aiff", "a.m4a"])
def test_what_lies_behind_and_is_left_is_told(tmp_path, name):
    one = encode(save(tmp_path / "b.wav", 5.0), tmp_path / name)
    assert heard(one)[1] == []
    one.write_bytes(join(one, one))
    audio, notes = heard(one)
    assert abs(len(audio) - 5 * RATE) < 0.1 * RATE
    assert notes == ["another recording lies behind it, and is left"]


def test_aiff_of_a_pipe_promises_nothing(tmp_path):
    path = save(tmp_path / "a.aiff", 5.0)
    content = bytearray(path.read_bytes())
    at = content.index(b"SSND") + 4
    content[4:8] = (0x7F000000 + 46).to_bytes(4, "big")  # as sox writes it
    content[at : at + 4] = (0x7F000000 + 8).to_bytes(4, "big")
    path.write_bytes(content)
    audio, notes = heard(path)
    assert len(audio) == 5 * RATE and notes == []


@pytest.mark.parametrize(
    "suffix", ["wav", "aiff", "flac", "mp3", "au", "w64", "rf64"]
)
def test_half_a_file_is_half_a_result_with_a_note(tmp_path, suffix, no_ffmpeg):
    whole = save(tmp_path / f"a.{suffix}", format=suffix.upper())
    half = tmp_path / f"half.{suffix}"
    content = whole.read_bytes()
    half.write_bytes(content[: len(content) // 2])
    audio, notes = heard(half)
    assert 9.0 < len(audio) / RATE < 11.5
    (note,) = notes
    assert note.startswith("ends after ") and "promises 20.0 s" in note


@pytest.mark.parametrize("options", [{}, {"subtype": "OPUS"}])
def test_half_an_ogg_file(tmp_path, options, no_ffmpeg):
    whole = save(tmp_path / "a.ogg", format="OGG", **options)
    half = tmp_path / "half.ogg"
    content = whole.read_bytes()
    half.write_bytes(content[: len(content) // 2])
    audio, notes = heard(half)
    assert 5.0 < len(audio) / RATE < 11.0
    assert notes == ["the file is cut off"]


@needs_ffmpeg
@pytest.mark.parametrize("suffix", ["flac", "mp3", "ogg"])
def test_behind_a_damaged_stretch_it_goes_on(tmp_path, suffix):
    rng = np.random.default_rng(0)
    whole = save(tmp_path / f"a.{suffix}", 30.0)
    content = bytearray(whole.read_bytes())
    at = len(content) // 2
    content[at : at + 3000] = rng.bytes(3000)
    (tmp_path / f"b.{suffix}").write_bytes(content)
    audio, notes = heard(tmp_path / f"b.{suffix}")
    expected = load_audio(whole)
    assert notes
    if suffix != "mp3":  # whose frames have no clock
        assert abs(len(audio) - len(expected)) < 0.1 * RATE
        np.testing.assert_allclose(audio[-48000:], expected[-48000:], atol=0.05)
    assert len(audio) > 0.85 * len(expected)


@pytest.mark.parametrize("suffix", ["flac", "mp3"])
def test_without_ffmpeg_damage_is_an_error(tmp_path, suffix, no_ffmpeg):
    whole = save(tmp_path / f"a.{suffix}", 30.0)
    content = bytearray(whole.read_bytes())
    at = len(content) // 2
    content[at : at + 3000] = np.random.default_rng(0).bytes(3000)
    whole.write_bytes(content)
    with pytest.raises(AudioError, match="install ffmpeg"):
        load_audio(whole)


def test_mp3_in_blocks_is_mp3_at_once(tmp_path, capfd):
    path = save(tmp_path / "a.mp3", 60.0, 22050)
    at_once = soundfile.read(path, dtype="float32")[0]
    with soundfile.SoundFile(path):
        pass
    blocks = AudioStream(path, filtered=False).read()
    expected = AudioStream(at_once, 22050, filtered=False).read()
    np.testing.assert_allclose(blocks, expected, atol=1e-5)
    assert "mpg123" not in capfd.readouterr().err


# Clocks and tracks


@needs_ffmpeg
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_sound_that_starts_behind_the_picture(tmp_path, suffix):
    wav = save(tmp_path / "a.wav", 10.0)
    picture = ["-f", "lavfi", "-i", "color=size=32x32:rate=10:duration=14"]
    path = tmp_path / f"a.{suffix}"
    subprocess.run(
        ["ffmpeg", "-v", "error", *picture, "-itsoffset", "4", "-i", str(wav)]
        + ["-map", "0:v", "-map", "1:a", "-c:a", "aac", str(path)],
        check=True,
    )
    audio, notes = heard(path)
    assert abs(len(audio) / RATE - 14.0) < 0.1
    assert np.abs(audio[: 3 * RATE]).max() < 1e-3
    expected = load_audio(wav)
    lag = np.correlate(audio[63000:100000], expected[1000:20000])
    assert abs(int(np.argmax(lag)) - 2000) < 1700
    assert any("count as silence" in note for note in notes)


@needs_ffmpeg
def test_a_hole_in_the_sound_is_silence(tmp_path):
    wav = save(tmp_path / "a.wav")
    cut = "aselect='not(between(t,8,14))'"
    path = encode(wav, tmp_path / "a.mka", "-af", cut, "-c:a", "flac")
    audio, notes = heard(path)
    assert abs(len(audio) / RATE - 20) < 0.1
    assert not np.abs(audio[9 * RATE : 13 * RATE]).max()
    np.testing.assert_allclose(
        audio[15 * RATE : 19 * RATE],
        load_audio(wav)[15 * RATE : 19 * RATE],
        atol=1e-3,
    )
    assert notes == ["6.0 s have no sound and count as silence"]


@needs_ffmpeg
def test_the_track_that_players_take(tmp_path):
    wav = save(tmp_path / "a.wav", 5.0)
    path = tmp_path / "a.mkv"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i"]
        + ["anullsrc=r=16000:cl=mono", "-i", str(wav), "-map", "0:a"]
        + ["-map", "1:a", "-disposition:a:0", "0", "-disposition:a:1"]
        + ["default", "-t", "5", "-c:a", "flac", str(path)],
        check=True,
    )
    audio, notes = heard(path)
    np.testing.assert_allclose(audio, load_audio(wav), atol=1e-4)
    assert notes == ["2 sound tracks: took track 2; choose with --track"]
    silent, notes = heard(path, Excerpt(track=1))
    assert not silent.any() and notes == []
    with pytest.raises(AudioError, match="track up to 2, got 3"):
        heard(path, Excerpt(track=3))
    with pytest.raises(AudioError, match="the one sound track"):
        heard(wav, Excerpt(track=2))


@needs_ffmpeg
def test_sound_alone_that_starts_late_is_all_there(tmp_path):
    wav = save(tmp_path / "a.wav", 10.0)
    path = tmp_path / "a.mka"
    command = ["ffmpeg", "-v", "error", "-itsoffset", "4", "-i", str(wav)]
    subprocess.run([*command, str(path)], check=True)
    audio, notes = heard(path)
    assert abs(len(audio) / RATE - 10.0) < 0.1 and notes == []


@needs_ffmpeg
def test_two_tracks_of_an_ogg_file(tmp_path):
    wav = save(tmp_path / "a.wav", 5.0)
    path = tmp_path / "a.ogg"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i"]
    command += ["anullsrc=r=16000:cl=mono", "-i", str(wav), "-map", "0:a"]
    command += ["-map", "1:a", "-t", "5", "-c:a", "libvorbis", str(path)]
    subprocess.run(command, check=True)
    silent, notes = heard(path)
    assert not silent.any()
    assert notes == ["2 sound tracks: took track 1; choose with --track"]
    audio, notes = heard(path, Excerpt(track=2))
    assert np.corrcoef(audio, load_audio(wav)[: len(audio)])[0, 1] > 0.9
    assert notes == []


# Streams


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3"])
def test_open_files_are_read_and_stay_open(tmp_path, suffix):
    path = save(tmp_path / f"a.{suffix}", 3.0)
    expected = load_audio(path)
    with open(path, "rb") as stream:
        np.testing.assert_array_equal(load_audio(stream), expected)
        stream.seek(0)
        assert len(stream.read()) == path.stat().st_size
    memory = io.BytesIO(path.read_bytes())
    np.testing.assert_array_equal(load_audio(memory), expected)
    assert not memory.closed
    with pytest.raises(AudioError, match="no sample rate for a file"):
        load_audio(memory, sample_rate=RATE)
    with open(path, encoding="latin-1") as text:
        with pytest.raises(AudioError, match="binary mode"):
            load_audio(text)


def test_open_text_and_other_objects_are_told_from_sound(tmp_path):
    path = save(tmp_path / "a.wav", 1.0)
    with open(path, encoding="utf-8") as stream:
        with pytest.raises(AudioError, match="binary mode, got text"):
            load_audio(stream)
    with soundfile.SoundFile(path) as sound:
        with pytest.raises(AudioError, match="binary mode, got ndarray"):
            load_audio(sound)
    with pytest.raises(AudioError, match="io.BytesIO"):
        load_audio(path.read_bytes())
    with pytest.raises(AudioError, match="empty file, in the stream"):
        load_audio(io.BytesIO())


def test_a_pipe_is_read(tmp_path):
    path = save(tmp_path / "a.wav", 3.0)
    reading, writing = os.pipe()

    def write():
        with open(writing, "wb") as stream:
            stream.write(path.read_bytes())

    writer = threading.Thread(target=write)
    writer.start()
    audio = load_audio(f"/dev/fd/{reading}")
    writer.join()
    os.close(reading)
    np.testing.assert_array_equal(audio, load_audio(path))


def test_a_pipe_into_which_nobody_writes_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("explainable_seg.audio.stream.STALLED_SECONDS", 0.2)
    os.mkfifo(tmp_path / "a.wav")
    writer = os.open(tmp_path / "a.wav", os.O_RDWR)
    with pytest.raises(AudioError, match="got none for 0.2 s"):
        load_audio(tmp_path / "a.wav")
    os.close(writer)
    with pytest.raises(AudioError, match="device"):
        load_audio("/dev/zero")


# What ffmpeg may open


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.mp3", "a.m3u8"])
@pytest.mark.parametrize("kind", ["hls", "dash", "ffconcat", "sdp"])
def test_lists_do_not_make_ffmpeg_open_other_files(tmp_path, name, kind):
    secret = save(tmp_path / "secret.wav", 3.0)
    content = {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{secret}\n"
        "#EXT-X-ENDLIST\n",
        "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:'
        '2011" type="static" mediaPresentationDuration="PT3S"><Period>'
        '<AdaptationSet mimeType="audio/wav"><Representation id="1" '
        f'bandwidth="1"><BaseURL>{secret}</BaseURL></Representation>'
        "</AdaptationSet></Period></MPD>",
        "ffconcat": f"ffconcat version 1.0\nfile '{secret}'\n",
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\n"
        "m=audio 9999 RTP/AVP 0\n",
    }[kind]
    (tmp_path / name).write_text(content)
    with pytest.raises(AudioError, match="ffmpeg finds no sound"):
        load_audio(tmp_path / name)


@needs_ffmpeg
def test_a_decoder_that_stalls_is_given_up(tmp_path, monkeypatch):
    path = encode(save(tmp_path / "a.wav", 3.0), tmp_path / "a.m4a")
    slow = tmp_path / "bin"
    slow.mkdir()
    (slow / "ffmpeg").write_text("#!/bin/sh\nexec sleep 60\n")
    (slow / "ffmpeg").chmod(0o755)
    (slow / "ffprobe").symlink_to(shutil.which("ffprobe"))
    monkeypatch.setenv("PATH", f"{slow}:{os.environ['PATH']}")
    monkeypatch.setattr(ffmpeg, "STALLED_SECONDS", 0.5)
    with pytest.raises(AudioError, match="got none for 0.5 s from ffmpeg"):
        load_audio(path)


@needs_ffmpeg
def test_lengths_of_what_only_ffmpeg_reads(tmp_path):
    path = encode(
        save(tmp_path / "a.wav", 5.0), tmp_path / "a.mka", "-c:a", "flac"
    )
    assert read_header(path) == decoded_length(path) == (RATE, 5 * RATE)


@needs_ffmpeg
def test_opus_that_libsndfile_gives_up(tmp_path, corpora):
    voices = sorted((corpora / "clips/speech").glob("*/76c73b9a.ogg"))
    for number, voice in enumerate(voices):
        path = tmp_path / f"{number}.opus"
        options = ["-ar", "16000", "-c:a", "libopus", "-b:a", "24k"]
        encode(voice, path, *options)
        audio, notes = heard(path)
        assert abs(len(audio) - len(load_audio(voice))) < 0.1 * RATE
        assert notes == []
    assert voices
