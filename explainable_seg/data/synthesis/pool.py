"""Synthesised clips on disk: FLAC files and ``clips.csv`` for each part."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import repeat
from pathlib import Path

import numpy as np

from explainable_seg.audio.files import write_audio
from explainable_seg.data.clips import Clip, write_clips
from explainable_seg.data.synthesis.engine import process_context
from explainable_seg.data.synthesis.extras import package_folder
from explainable_seg.data.synthesis.music import make_music
from explainable_seg.data.synthesis.noise import make_noise
from explainable_seg.data.synthesis.planning import (
    MusicTask,
    SpeechTask,
    Task,
    plan_clips,
)
from explainable_seg.data.synthesis.speech import speak
from explainable_seg.errors import ExplainableSegError
from explainable_seg.frames import SAMPLE_RATE, Span

PACKAGES = ("espeakng_loader", "symusic", "pretty_midi")


def synthesise_clips(
    folders: Mapping[str, str | os.PathLike[str]],
    minutes: Mapping[str, float],
    seed: int,
    processes: int = 2,
) -> dict[str, list[Clip]]:
    """Synthesise the clips of each part of a corpus.

    No voice, no band and no instance of a noise is in two parts. The same seed
    gives the same bytes, whatever the number of processes.

    Arguments
    ---------
    folders : Mapping[str, str or os.PathLike]
        For each part, where its clips and its ``clips.csv`` go.
    minutes : Mapping[str, float]
        For each part, the minutes of programmes that are to be made of it.
    seed : int
        Seed of all randomness.
    processes : int
        How many processes work at once.

    Returns
    -------
    dict[str, list[Clip]]
        The clips of each part.

    Raises
    ------
    ExplainableSegError
        If an optional package is missing or does not work, or if a process
        is killed.
    """
    for package in PACKAGES:
        package_folder(package)
    plan = plan_clips(minutes, seed)
    try:
        return _make_all(plan, folders, processes)
    except BrokenProcessPool:
        raise ExplainableSegError(
            "expected the synthesis to finish, got a process that was killed, "
            f"among {processes}; free some memory or use fewer processes"
        ) from None


def make_clips(task: Task, folder: Path) -> list[Clip]:
    """Synthesise and write what one task asks for.

    Arguments
    ---------
    task : Task
        What to synthesise.
    folder : Path
        Where the files go: ``speech/<voice>/``, ``music/<style>/<band>/`` or
        ``noise/<kind>/`` below it.

    Returns
    -------
    list[Clip]
        One clip for each file.
    """
    rng = np.random.default_rng(task.seed)
    if isinstance(task, SpeechTask):
        home = folder / "speech" / task.group
        return [
            _write_clip(
                home / f"{index:04d}.flac",
                utterance.audio,
                "speech",
                task.group,
                utterance.spans,
            )
            for index, utterance in enumerate(
                speak(task.voice, task.seconds, rng)
            )
        ]
    if isinstance(task, MusicTask):
        audio = make_music(task.style_name, task.band, task.seconds, rng)
        path = folder / "music" / task.group / f"{task.name}.flac"
        return [_write_clip(path, audio, "music", task.group)]
    audio = make_noise(task.kind, task.seconds, rng)
    path = folder / "noise" / f"{task.group}.flac"
    return [_write_clip(path, audio, "noise", task.group)]


def _make_all(
    plan: Mapping[str, Sequence[Task]],
    folders: Mapping[str, str | os.PathLike[str]],
    processes: int,
) -> dict[str, list[Clip]]:
    """Carry out all tasks; a list of clips is written when it is complete."""
    clips: dict[str, list[Clip]] = {}
    with ProcessPoolExecutor(processes, process_context()) as executor:
        pending = {
            part: executor.map(make_clips, tasks, repeat(Path(folders[part])))
            for part, tasks in plan.items()
        }
        for part, results in pending.items():
            clips[part] = [clip for made in results for clip in made]
            write_clips(Path(folders[part]) / "clips.csv", clips[part])
    return clips


def _write_clip(
    path: Path,
    audio: np.ndarray,
    label: str,
    group: str,
    spans: tuple[Span, ...] | None = None,
) -> Clip:
    """Write one file and describe it; without spans all of it is active."""
    write_audio(path, audio)
    duration = len(audio) / SAMPLE_RATE
    return Clip(str(path), label, group, duration, spans or ((0.0, duration),))
