#!/usr/bin/env python3
"""An archive of all formats and all defects, and what becomes of it.

Run as a script, it segments such an archive with the installed command, once
without interruption and once with Ctrl-C and kill -9 again and again, and
compares the results byte by byte. It also asks for a segmentation from damaged
model folders. Writes a JSON file.

> python tests/damaged_archive.py --files 200 --models 50 --output results/damaged.json
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
from tiny_student import save_student, tones

from explainable_seg.files import atomic_write_json

COMMAND = Path(sys.executable).with_name("explainable-seg")
# What libsndfile writes: extension, format, subtype, rate, channels.
NATIVE = (
    ("wav", "WAV", "PCM_16", 16000, 1),
    ("wav", "WAV", "PCM_24", 48000, 2),
    ("wav", "WAV", "FLOAT", 44100, 6),
    ("wav", "WAV", "ULAW", 8000, 1),
    ("wav", "WAVEX", "PCM_32", 96000, 1),
    ("rf64", "RF64", "PCM_16", 16000, 1),
    ("w64", "W64", "PCM_16", 22050, 2),
    ("flac", "FLAC", "PCM_16", 16000, 1),
    ("ogg", "OGG", "VORBIS", 44100, 2),
    ("opus", "OGG", "OPUS", 48000, 1),
    ("mp3", "MP3", "MPEG_LAYER_III", 44100, 2),
    ("aiff", "AIFF", "PCM_16", 11025, 1),
    ("au", "AU", "PCM_16", 32000, 1),
    ("caf", "CAF", "PCM_16", 16000, 1),
)
# What only ffmpeg reads.
FOREIGN = ("m4a", "mp4", "mkv", "mov", "wma", "ac3", "mp2", "avi", "ts")
LENGTHS = (0, 1, 399, 400, 401, 719, 720, 16000, 39999)  # samples at 16 kHz


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """A file with one of the damages that archives have."""
    data = bytearray(content)
    kind = rng.integers(6)
    start, length = rng.integers(len(data)), rng.integers(1, 200)
    if kind == 0:  # flipped bits anywhere
        for position in rng.integers(len(data), size=20):
            data[position] ^= 1 << rng.integers(8)
    elif kind == 1:  # flipped bits in the header
        for position in rng.integers(min(64, len(data)), size=4):
            data[position] ^= 1 << rng.integers(8)
    elif kind == 2:
        del data[start:]
    elif kind == 3:
        data[start : start + length] = bytes(len(data[start : start + length]))
    elif kind == 4:  # sizes and counts that are huge
        data[4 : 4 + min(length, 60)] = b"\xff" * min(length, 60)
    else:  # the header of another file
        data[:44] = rng.bytes(44)
    return bytes(data)


def write_formats(folder: Path, seconds: float) -> list[Path]:
    """A recording in each format that can be written on this machine."""
    folder.mkdir(parents=True)
    paths = []
    for n, (suffix, name, subtype, rate, channels) in enumerate(NATIVE):
        path = folder / f"{n:02}.{suffix}"
        sound = np.tile(tones(seconds, rate)[:, None], channels)
        soundfile.write(path, sound, rate, subtype, format=name)
        paths.append(path)
    if shutil.which("ffmpeg"):
        for suffix in FOREIGN:
            path = folder / f"from {suffix}.{suffix}"
            command = ["ffmpeg", "-v", "error", "-i", str(paths[0]), str(path)]
            if subprocess.run(command).returncode == 0:
                paths.append(path)
    return paths


def make_archive(folder: Path, n_damaged: int, seed: int) -> Path:
    """All formats whole, odd lengths and names, and damaged copies."""
    rng = np.random.default_rng(seed)
    originals = write_formats(folder / "formats", 2.0)
    for n_samples in LENGTHS:
        path = folder / f"lengths/{n_samples}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, tones(3.0)[:n_samples], 16000)
    for name in ("a b.wav", "ä 音.wav", ".hidden.wav", "x" * 200 + ".wav"):
        path = folder / "names" / name
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, tones(1.0), 16000)
    os.rename(
        folder / "names/a b.wav", os.fsencode(folder) + b"/names/\xe9.wav"
    )
    (folder / "names/folder.wav").mkdir()
    (folder / "names/text.mp3").write_text("no sound")
    (folder / "names/empty.flac").write_bytes(b"")
    (folder / "names/dead.wav").symlink_to("nowhere.wav")
    broken = np.full(16000, np.nan, np.float32)
    soundfile.write(folder / "names/nan.wav", broken, 16000, "FLOAT")
    (folder / "damaged").mkdir()
    for n in range(n_damaged):
        original = originals[n % len(originals)]
        content = damaged(original.read_bytes(), rng)
        (folder / f"damaged/{n:03}{original.suffix}").write_bytes(content)
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    """Content of all files below a folder."""
    found = (p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in found}


def interrupt(command: list[str], summary: Path, sign: int, rows: int) -> int:
    """Start the command; send a signal when the summary has so many rows."""
    # Shells let what they run in the background ignore Ctrl-C.
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        deadline = time.monotonic() + 300  # of a machine with much to do
        while process.poll() is None and count_lines(summary) <= rows:
            if time.monotonic() > deadline:
                sign = signal.SIGKILL
                break
            time.sleep(0.01)
        process.send_signal(sign)
        process.communicate()
    return process.returncode


def count_lines(path: Path) -> int:
    """Whole lines of a file; 0 without one."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def segment(archive: Path, model: Path, output: Path) -> list[str]:
    """The command."""
    arguments = ["segment", archive, "--model", model, "--output", output]
    options = ["--format", "rttm,json,csv", "--device", "cpu"]
    return [str(COMMAND), *map(str, arguments), *options]


def watch(command: list[str]) -> tuple[int, str, float]:
    """Exit code, messages and peak of memory, MB, of a command."""
    peak = 0
    told = tempfile.TemporaryFile("w+")
    with told, subprocess.Popen(command, stderr=told) as process:
        # Not that of `getrusage`, which begins with the peak of the parent.
        status = Path(f"/proc/{process.pid}/status")
        while process.poll() is None:
            _, _, found = status.read_text().partition("VmHWM:")
            peak = int(found.split()[0]) if found else peak
            time.sleep(0.1)
        told.seek(0)
        return process.returncode, told.read(), peak / 1024


def run_archive(folder: Path, n_damaged: int, seed: int) -> dict[str, object]:
    """Figures of an archive, whole and interrupted; raises if they differ."""
    archive = make_archive(folder / "archive", n_damaged, seed)
    model = save_student(folder / "student")
    start = time.monotonic()
    code, text, peak = watch(segment(archive, model, folder / "whole"))
    seconds = time.monotonic() - start
    assert code == 2 and "Traceback" not in text, text
    # Libraries have their say beside it.
    told = [x for x in text.splitlines() if x.startswith("error: ")]
    n_failed = count_lines(folder / "whole/failures.csv") - 1
    assert len(told) == n_failed + 1, text
    command = segment(archive, model, folder / "out")
    summary = folder / "out/summary.csv"
    n_results = count_lines(folder / "whole/summary.csv") - 1
    assert n_results > len(NATIVE) + len(LENGTHS), text
    codes = []
    for n, sign in enumerate([signal.SIGKILL, signal.SIGINT] * 2):
        rows = n_results * (n + 1) // 5
        codes.append(interrupt(command, summary, sign, rows))
    last = subprocess.run(command, capture_output=True, timeout=1800)
    assert last.returncode == 2
    assert tree(folder / "out") == tree(folder / "whole")
    return {
        "results": n_results,
        "failures": n_failed,
        "seconds": round(seconds, 1),
        "peak memory, MB": round(peak),
        "exit codes of the interrupted runs": codes,
    }


def run_models(folder: Path, n_models: int, seed: int) -> dict[str, int]:
    """Damaged model folders: how many are refused, and how many run."""
    rng = np.random.default_rng(seed)
    whole = save_student(folder / "student")
    soundfile.write(folder / "a.wav", tones(1.0), 16000)
    figures = {"refused": 0, "run": 0}
    for n in range(n_models):
        model = Path(shutil.copytree(whole, folder / f"model{n}"))
        path = model / ("config.json", "model.safetensors")[n % 2]
        path.write_bytes(damaged(path.read_bytes(), rng))
        done = subprocess.run(
            segment(folder / "a.wav", model, folder / f"out{n}"),
            capture_output=True,
            text=True,
            timeout=300,
        )
        refused = done.returncode == 2
        assert done.returncode == 0 or refused, done.stderr
        assert done.stderr.count("\n") == int(refused), done.stderr
        figures["refused" if refused else "run"] += 1
    return figures


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--models", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--output", type=Path, default=Path("results/damaged.json")
    )
    args = parser.parse_args()
    parts = {
        "archive": lambda folder: run_archive(folder, args.files, args.seed),
        "models": lambda folder: run_models(folder, args.models, args.seed),
    }
    figures = {}
    for name, run in parts.items():
        with tempfile.TemporaryDirectory() as folder:
            figures[name] = run(Path(folder))
        atomic_write_json(args.output, figures)


if __name__ == "__main__":
    main()
