#!/usr/bin/env python3
"""Speed and memory of a trained student, and of what it is compared with.

Ratios are of one run, in which the candidates take turns; absolute figures are
those of the machine and whatever else runs on it. Writes a JSON file.

> python benchmarks/inference.py --model student/ --audio recordings/ \\
>     --rttm references/ --output inference.json
> python benchmarks/inference.py --short --output inference.json
"""

import argparse
import logging
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from peer_models import PEERS, installed_peers, run_peer
from side_by_side import BASE, LARGE, peak_of, say_peak, seconds_of, write_noise

from explainable_seg.audio import WHOLE, load_audio
from explainable_seg.classes import CLASSES
from explainable_seg.decisions import WRITERS, make_rules
from explainable_seg.evaluation import evaluate
from explainable_seg.files import atomic_write_json, json_text
from explainable_seg.inference import (
    ExplainableSegmenter,
    OutputFolder,
    find_jobs,
    run_settings,
    segment_files,
)
from explainable_seg.models import build_model, choose_device

logger = logging.getLogger(__name__)

SAMPLE_RATE = 16000
SETTINGS = {
    "window": 4.0,
    "step": 3.6,
    "thresholds": dict.fromkeys(CLASSES, 0.5),
}


def random_student(frontend: dict[str, Any]) -> ExplainableSegmenter:
    """Student of random weights, for speed only."""
    torch.manual_seed(0)
    model = build_model(
        {
            "type": "student",
            "frontend": frontend,
            "tcn": {},
            "n_atoms": 128,
            "n_fft": 512,
        }
    )
    W = torch.rand_like(model.dictionary)
    model.dictionary.copy_(torch.nn.functional.normalize(W, dim=0))
    return ExplainableSegmenter(model.eval(), dict(SETTINGS))


def against_the_forward(
    segmenter: ExplainableSegmenter, path: Path, repeats: int
) -> dict[str, float]:
    """The whole pipeline over the bare model in its best batch."""
    audio = torch.from_numpy(load_audio(path))
    n_samples = round(segmenter.config["window"] * SAMPLE_RATE)
    windows = audio[: len(audio) // n_samples * n_samples].view(-1, n_samples)

    def forward(batch_size: int) -> None:
        for batch in windows.split(batch_size):
            segmenter.runner.batch(batch)

    candidates: dict[str, Callable[[], Any]] = {
        f"forward, batches of {n}": (lambda n=n: forward(n))
        for n in (1, 4, 16, 64)
    }
    candidates["pipeline"] = lambda: segmenter.segment(path)
    taken = seconds_of(candidates, repeats)
    pipeline = taken.pop("pipeline")
    duration = len(audio) / SAMPLE_RATE
    return {
        **{name: duration / value for name, value in taken.items()},
        "pipeline, times real time": duration / pipeline,
        "pipeline over forward": pipeline / min(taken.values()),
    }


def against_sliding(
    segmenter: ExplainableSegmenter,
    path: Path,
    repeats: int,
    audio: Path | None,
    rttm: Path | None,
) -> dict[str, float]:
    """Our step over one of 10 %, in seconds and in macro F1."""
    model, config = segmenter.model, segmenter.config
    sliding = ExplainableSegmenter(
        model, {**config, "step": 0.1 * config["window"]}
    )
    taken = seconds_of(
        {
            "ours": lambda: segmenter.segment(path),
            "sliding": lambda: sliding.segment(path),
        },
        repeats,
    )
    result = {"times faster": taken["sliding"] / taken["ours"]}
    if audio and rttm:
        result["macro F1"] = macro_f1(segmenter, audio, rttm)["macro_f1"]
        result["macro F1 sliding"] = macro_f1(sliding, audio, rttm)["macro_f1"]
    return result


def steps_in_f1(
    segmenter: ExplainableSegmenter, audio: Path, rttm: Path
) -> dict[str, float]:
    """Macro F1 by the step, as a share of the window."""
    window = segmenter.config["window"]
    return {
        f"{share:.2f}": macro_f1(
            ExplainableSegmenter(
                segmenter.model, {**segmenter.config, "step": share * window}
            ),
            audio,
            rttm,
        )["macro_f1"]
        for share in (0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
    }


def macro_f1(
    segmenter: ExplainableSegmenter, audio: Path, rttm: Path
) -> dict[str, Any]:
    """Scores of the recordings that have a reference."""
    with tempfile.TemporaryDirectory() as folder:
        for path in recordings(audio, rttm):
            result = segmenter.segment(path)
            WRITERS["rttm"].write(result, Path(folder, f"{path.stem}.rttm"))
        return evaluate(rttm, folder)


def recordings(audio: Path, rttm: Path) -> list[Path]:
    """Audio files below a folder whose references are in another."""
    named = {path.stem for path in rttm.rglob("*.rttm")}
    jobs, _ = find_jobs([audio])
    return [job.path for job in jobs if job.path.stem in named]


def against_peers(
    segmenter: ExplainableSegmenter, path: Path, repeats: int
) -> dict[str, float]:
    """Times real time of ours and of others, on one thread."""
    sound = load_audio(path)
    candidates: dict[str, Callable[[], Any]] = {
        "ours": lambda: segmenter.segment(sound, SAMPLE_RATE)
    }
    for name in installed_peers():
        candidates[name] = partial(PEERS[name]().scores, sound)
    torch.set_num_threads(1)  # as silero-vad sets it
    taken = seconds_of(candidates, repeats)
    duration = len(sound) / SAMPLE_RATE
    return {name: duration / value for name, value in taken.items()}


def short_files(
    segmenter: ExplainableSegmenter, n_files: int
) -> dict[str, float]:
    """Milliseconds a file that are not the model's."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "archive")
        archive.mkdir()
        sound = write_noise(Path(folder, "one.flac"), 2.0).read_bytes()
        for n in range(n_files):
            (archive / f"{n:05}.flac").write_bytes(sound)
        jobs, _ = find_jobs([archive])
        rules = make_rules(segmenter.config)
        settings = run_settings(segmenter.config, rules, WHOLE)
        output = OutputFolder(Path(folder, "out"), ["rttm"], settings)
        start = time.perf_counter()
        segment_files(segmenter, jobs, output, logger.error, rules)
        whole = time.perf_counter() - start
    batch = torch.zeros(1, 2 * SAMPLE_RATE)
    forward = seconds_of({"x": lambda: segmenter.runner.batch(batch)}, 20)
    return {
        "files": n_files,
        "ms a file": 1000 * whole / n_files,
        "overhead, ms a file": 1000 * (whole / n_files - forward["x"]),
    }


def peak_memory(
    model: str | None, hours: list[float], peers_hours: float
) -> dict[str, dict[str, float]]:
    """Peak memory in MB by hours of audio; a process of its own each."""
    runs: list[tuple[str, float, list[str]]] = [
        ("ours", n_hours, ["--model", model] if model else [])
        for n_hours in hours
    ]
    runs += [
        (peer, n_hours, ["--peer", peer])
        for peer in installed_peers()
        for n_hours in (hours[0], peers_hours)
    ]
    result: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, n_hours, options in runs:
            path = write_noise(Path(folder, "a.flac"), 3600 * n_hours)
            peaks = result.setdefault(name, {})
            peaks[f"{n_hours:.2f} h"] = peak_of(__file__, path, *options)
    return result


def load(model: str | None, step: float | None = None) -> ExplainableSegmenter:
    """The model of a folder, else one of random weights of the same shape."""
    if model is None:
        return random_student({"type": "spectrogram"})
    return ExplainableSegmenter.from_pretrained(model, step=step)


def sections(
    args: argparse.Namespace, folder: Path
) -> dict[str, Callable[[], dict[str, Any]]]:
    """What can be measured, by name."""
    repeats = 2 if args.short else 5
    segmenter = load(args.model, args.step)
    path = write_noise(folder / "a.flac", 120 if args.short else 1200)
    brief = write_noise(folder / "b.flac", 16 if args.short else 96)
    data = (args.audio, args.rttm)

    def with_wavlm(architecture: dict[str, Any]) -> dict[str, float]:
        frontend = {"type": "wavlm", "architecture": architecture}
        return against_the_forward(random_student(frontend), brief, 2)

    return {
        "student": lambda: against_the_forward(segmenter, path, repeats),
        "sliding": lambda: against_sliding(segmenter, path, repeats, *data),
        "steps": lambda: steps_in_f1(segmenter, *data) if all(data) else {},
        "short files": lambda: short_files(
            segmenter, 100 if args.short else 2000
        ),
        "memory": lambda: peak_memory(
            args.model,
            [1 / 60, 1 / 6] if args.short else [1 / 6, 10.0],
            peers_hours=1 / 30 if args.short else 0.5,
        ),
        "base": lambda: with_wavlm(BASE),
        "large": lambda: with_wavlm(LARGE),
        # Last, for silero-vad changes the number of threads.
        "peers": lambda: against_peers(segmenter, brief, repeats),
    }


def main() -> None:
    """Measure and write, section by section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", help="folder or hub id of a student")
    parser.add_argument("--step", type=float, help="seconds between windows")
    parser.add_argument("--audio", type=Path, help="recordings for the F1")
    parser.add_argument("--rttm", type=Path, help="their references")
    parser.add_argument("--short", action="store_true", help="less of all")
    parser.add_argument("--only", nargs="+", help="names of sections")
    parser.add_argument(
        "--output", type=Path, default=Path("results/inference.json")
    )
    parser.add_argument("--peak", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    args = parser.parse_args()
    logging.basicConfig(format="%(message)s")
    logger.setLevel(logging.INFO)
    if args.peak:
        if args.peer:
            run_peer(args.peer, args.peak)
        else:
            load(args.model).segment(args.peak)
        say_peak()
        return
    figures: dict[str, Any] = {
        "threads": torch.get_num_threads(),
        "device": str(choose_device("auto")),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, measure in sections(args, Path(folder)).items():
            if args.only is None or name in args.only:
                figures[name] = measure()
                logger.info("%s", json_text({name: figures[name]}))
                atomic_write_json(args.output, figures)


if __name__ == "__main__":
    main()
