"""The output folder of a run: used by one at a time, and by equal ones.

A run that is started again in its folder goes on from its last checkpoint. With
other settings it would go on with what other settings have learned, or do
nothing at all, under a ``hyperparams.yaml`` that says otherwise; so it is
refused. Beside that file ``settings.json`` has the same as plain values, and
SpeechBrain's own options that change results.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from explainable_seg.errors import ExplainableSegError
from explainable_seg.files import atomic_write_json, check_writable
from explainable_seg.training.run import Command
from explainable_seg.training.settings import SettingsFile
from speechbrain.utils.distributed import if_main_process

SETTINGS = "settings.json"
LOCK = ".lock"
SHOWN = 5  # settings that a message names
# Of these no result depends: where things are kept, how fast it goes.
FREE = (
    "chunks_folder",
    "ckpt_interval_minutes",
    "compile_tcn",
    "force",
    "output_folder",
    "skip_prep",
)
FREE_LOADER_OPTIONS = ("num_workers", "pin_memory", "prefetch_factor")
LEARNED = ("train_log.txt", "export", "dictionary.safetensors")


@contextmanager
def run_folder(
    command: Command, may_grow: Sequence[str] = ()
) -> Iterator[Path]:
    """The folder of a run, which no other run uses meanwhile.

    Arguments
    ---------
    command : Command
        What is to be run.
    may_grow : Sequence[str]
        Keys whose value may be larger than that of the run in the folder.

    Yields
    ------
    pathlib.Path
        The folder; it is there.

    Raises
    ------
    ExplainableSegError
        If another run is in it, or it holds what other settings have learned.
    """
    record = command.record
    folder = Path(record["output_folder"])
    check_writable(folder / SETTINGS)
    if not if_main_process():
        yield folder
        return
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise ExplainableSegError(
            f"expected a folder that no other run is in, got one in use, in "
            f"{folder}; wait for that run, or name another --output_folder"
        ) from None
    try:
        trial = command.run_opts["debug"]
        kept = not trial or command.run_opts["debug_persistently"]
        if kept and _has_learned(folder, record):
            _check_record(folder, record, command, may_grow)
        atomic_write_json(folder / SETTINGS, record, allow_nan=True)
        yield folder
    finally:
        lock.release()


def _has_learned(folder: Path, settings: Mapping[str, Any]) -> bool:
    """Whether a folder holds more than a run that has just begun."""
    saved = Path(settings.get("save_folder", folder / "save"))
    there = any((folder / name).exists() for name in LEARNED)
    return there or any(saved.glob("CKPT*"))


def _check_record(
    folder: Path,
    ours: Mapping[str, Any],
    command: Command,
    may_grow: Sequence[str],
) -> None:
    """Raise unless what is in a folder was learned with these settings."""
    path = folder / SETTINGS
    try:
        theirs = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        raise ExplainableSegError(
            f"expected the settings of the run in {folder}, got none that can "
            f"be read, in {path}; delete the folder, or name another "
            "--output_folder"
        ) from None
    changed = [
        name
        for name in sorted(ours.keys() | theirs.keys())
        if _deciding(name, ours.get(name)) != _deciding(name, theirs.get(name))
        and not (name in may_grow and ours[name] > theirs.get(name, 0))
    ]
    causes = _causes(changed, ours, theirs, command)
    if causes:
        shown = ", ".join(
            f"{name} ({_short(theirs.get(name))} there, "
            f"{_short(ours.get(name))} now)"
            for name in causes[:SHOWN]
        )
        more = f" and {len(causes) - SHOWN} more" if causes[SHOWN:] else ""
        raise ExplainableSegError(
            f"expected the settings of the run in {folder}, got another "
            f"{shown}{more}; give the same, or name another --output_folder"
        )


def _deciding(name: str, value: Any) -> Any:
    """Of a setting, what results depend on."""
    if name in FREE:
        return None
    if name == "loader_options" and isinstance(value, dict):
        return {k: v for k, v in value.items() if k not in FREE_LOADER_OPTIONS}
    return value


def _causes(
    changed: Sequence[str],
    ours: Mapping[str, Any],
    theirs: Mapping[str, Any],
    command: Command,
) -> list[str]:
    """Of settings that changed, those that follow from no other that did."""
    entries = SettingsFile(command.hparams_file).entries
    given = {line.split(":")[0] for line in command.overrides.split("\n")}
    moved = {n for n in ours if ours[n] != theirs.get(n)}
    return [
        name
        for name in changed
        if name in given
        or name not in entries
        or not entries[name].references & moved - {name}
    ]


def _short(value: Any, length: int = 40) -> str:
    """A value, cut to what a line has room for."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= length else f"{text[:length]}..."
