"""A recipe at work: its command line, its folder, its stages."""

import dataclasses
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Optional

import torch
from filelock import FileLock, Timeout
from hyperpyyaml import load_hyperpyyaml

import speechbrain as sb
from explainable_seg.errors import ExplainableSegError
from explainable_seg.files import (
    atomic_write_json,
    atomic_write_text,
    check_writable,
)
from explainable_seg.models import choose_device
from explainable_seg.training.settings import SettingsFile, json_string
from speechbrain.utils.distributed import if_main_process
from speechbrain.utils.run_opts import HELP_TEXTS, RunOptions

logger = logging.getLogger(__name__)

OUTPUTS = ("output_folder", "save_folder")
MADE_BEFORE = ("dictionary", "teacher")  # by other stages
# Options of SpeechBrain's that change what is learned.
DECIDING = (
    "auto_mix_prec",
    "bfloat16_mix_prec",
    "eval_precision",
    "grad_accumulation_factor",
    "max_grad_norm",
    "optimizer_step_limit",
    "precision",
    "remove_vector_weight_decay",
    "skip_nonfinite_grads",
)


@dataclasses.dataclass(frozen=True)
class Command:
    """What a user has asked a recipe for.

    Arguments
    ---------
    hparams_file : str
        HyperPyYAML file.
    run_opts : RunOptions
        SpeechBrain's own options.
    overrides : str
        YAML of the keys to change.
    """

    hparams_file: str
    run_opts: RunOptions
    overrides: str

    @property
    def settings(self) -> dict[str, Any]:
        """Plain values of the keys, as they are with the overrides."""
        return SettingsFile(self.hparams_file).resolved(self.overrides)

    @property
    def record(self) -> dict[str, Any]:
        """The settings, and those options of SpeechBrain's that change results.

        Options are under their names with dashes.
        """
        options = {f"--{name}": self.run_opts[name] for name in DECIDING}
        return {**self.settings, **options}


def read_command(
    arguments: Sequence[str],
    about: str,
    outputs: Sequence[str] = OUTPUTS,
) -> Command:
    """Read the command line of a recipe.

    With ``--debug`` the outputs go to a folder beside the one that is named, so
    that a trial overwrites nothing that anybody waits for.

    Arguments
    ---------
    arguments : Sequence[str]
        Without the name of the script.
    about : str
        What the script says of itself.
    outputs : Sequence[str]
        Keys of what is written, the folder first; of none, nothing moves.

    Returns
    -------
    Command

    Raises
    ------
    ExplainableSegError
        If the file cannot be read, or an option is unknown or cannot have the
        value that it is given.
    SystemExit
        With code 0 after the help, if it is asked for.
    """
    if {"-h", "--help"} & set(arguments):
        sys.stdout.write(_help(arguments, about))
        raise SystemExit(0)
    path, _, _ = sb.parse_arguments(list(arguments))
    others = [field.name for field in dataclasses.fields(RunOptions)]
    file = SettingsFile(path)
    lines, rest = file.split(arguments, others)
    _, run_opts, unknown = sb.parse_arguments(rest)
    if unknown:
        raise ExplainableSegError(
            f"expected a file and --key=value, got '{unknown}'; quote what "
            "has blanks"
        )
    _check_device(run_opts["device"])
    if run_opts["debug"] and outputs:
        lines = _redirected(file, lines, outputs)
    return Command(path, run_opts, "\n".join(lines))


def _check_device(name: Optional[str]) -> None:
    """Raise unless there is a device of a name, or none is asked for."""
    try:
        kind = torch.device(name).type if name else "cpu"
    except RuntimeError:
        raise ExplainableSegError(
            f"expected a device such as cpu or cuda:0, got '{name}', for "
            "--device; name another"
        ) from None
    if kind == "cuda":
        choose_device(name or "auto")


def _redirected(
    file: SettingsFile, lines: Sequence[str], outputs: Sequence[str]
) -> list[str]:
    """Overrides that lead all outputs to a folder of their own."""
    folder = file.resolved("\n".join(lines))[outputs[0]]
    aside = f"{Path(folder)}-debug"
    logger.info("debug mode: all that is written goes to %s", aside)
    kept = [line for line in lines if line.split(":")[0] not in outputs]
    kept.append(f"{outputs[0]}: {json_string(aside)}")
    for name, value in file.resolved("\n".join(kept)).items():
        if name in outputs and not Path(value).is_relative_to(aside):
            kept.append(f"{name}: {json_string(f'{aside}/{Path(value).name}')}")
    taken = _of_earlier_trials(file, kept)
    kept = [line for line in kept if line.split(":")[0] not in taken]
    return kept + [f"{name}: {json_string(p)}" for name, p in taken.items()]


def _of_earlier_trials(
    file: SettingsFile, lines: Sequence[str]
) -> dict[str, str]:
    """What only a trial of an earlier stage has made, by its key."""
    taken = {}
    for name, value in file.resolved("\n".join(lines)).items():
        if name not in MADE_BEFORE or not value or Path(value).exists():
            continue
        path = Path(value)
        aside = Path(f"{path.parent}-debug") / path.name
        if aside.exists():
            logger.info("debug mode: %s is that of a trial, %s", name, aside)
            taken[name] = str(aside)
    return taken


def _help(arguments: Sequence[str], about: str) -> str:
    """What a recipe does, its keys, and SpeechBrain's options."""
    files = [word for word in arguments if word.endswith((".yaml", ".yml"))]
    lines = [about.strip(), ""]
    if files:
        lines += [
            f"keys of {files[0]}, with their defaults:",
            SettingsFile(files[0]).help(),
        ]
    else:
        lines += ["name a file to see its keys: hparams/<corpus>/... --help"]
    lines += ["", "options of SpeechBrain:"]
    lines += [f"  --{name}  {text}" for name, text in HELP_TEXTS.items()]
    return "\n".join(lines) + "\n"


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


def start(
    train: Callable[[dict[str, Any], Command], None],
    about: str,
    outputs: Sequence[str] = OUTPUTS,
    may_grow: Sequence[str] = (),
) -> None:
    """Run a recipe that trains, on the arguments of the command line.

    Its folder is locked, its settings are made and written there, and what
    they were before is compared: a run goes on where an equal one has ended.

    Arguments
    ---------
    train : callable
        Takes what the settings name, and the command.
    about : str
        What the script says of itself.
    outputs : Sequence[str]
        Keys of what is written, the folder first; of none, no folder is locked.
    may_grow : Sequence[str]
        Keys whose value may be larger than that of the run in the folder.

    Raises
    ------
    SystemExit
        As of :func:`run_recipe`.
    """

    def main(arguments: Sequence[str]) -> None:
        command = read_command(arguments, about, outputs)
        sb.utils.distributed.ddp_init_group(command.run_opts)
        if not outputs:
            train(
                load_hparams(command.hparams_file, command.overrides), command
            )
            return
        with run_folder(command, may_grow) as folder:
            hparams = load_hparams(command.hparams_file, command.overrides)
            if if_main_process():
                file = SettingsFile(command.hparams_file)
                atomic_write_text(
                    folder / "hyperparams.yaml",
                    file.resolved_text(command.overrides),
                )
            train(hparams, command)

    run_recipe(main)


def run_recipe(main: Callable[[Sequence[str]], None]) -> None:
    """Run a recipe on the arguments of the command line.

    Modules beside the script are found, also where it is a link to one that
    lies elsewhere.

    Arguments
    ---------
    main : callable
        Takes the arguments without the name of the script.

    Raises
    ------
    SystemExit
        With code 2, after one line on stderr, for what a user can put right.
    """
    logging.basicConfig(level=logging.INFO)
    sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0])))
    try:
        main(sys.argv[1:])
    except ExplainableSegError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None


def load_hparams(path: str, overrides: str) -> dict[str, Any]:
    """Make what a HyperPyYAML file names, with the overrides of the command line.

    Arguments
    ---------
    path : str
        The file; it makes the objects that it names.
    overrides : str
        YAML of the keys to change.

    Returns
    -------
    dict[str, Any]
        Its values.

    Raises
    ------
    ExplainableSegError
        If the file is missing, lacks an overridden key, or a placeholder of it
        was not filled in. What goes wrong in an object that is made keeps its
        own error.
    """
    file = SettingsFile(path)
    file.resolved(overrides)
    hparams: dict[str, Any] = load_hyperpyyaml(file.stream(), overrides)
    return hparams


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


def run_stage(
    recipes: Path,
    stage: str,
    corpus: str,
    settings: Mapping[str, object],
    options: tuple[str, ...] = (),
) -> float:
    """Run a recipe as a user would.

    Arguments
    ---------
    recipes : pathlib.Path
        Folder of the scripts, beside ``hparams``.
    stage : str
        ``teacher``, ``dictionary`` or ``student``.
    corpus : str
        Folder of ``hparams`` that has its YAML file.
    settings : Mapping[str, object]
        Keys of any stage; those that this stage's file has are passed on. What
        is text is YAML, but paths are taken as they are.
    options : tuple[str, ...]
        Further words of the command line.

    Returns
    -------
    float
        Seconds that it took.

    Raises
    ------
    SystemExit
        With the code of the recipe, which has said why it failed.
    """
    hparams = recipes.parent / "hparams" / corpus / f"{stage}.yaml"
    known = SettingsFile(str(hparams)).entries
    overrides = [
        f"--{name}={json_string(str(value)) if isinstance(value, Path) else value}"
        for name, value in settings.items()
        if name in known
    ]
    logger.info("stage: %s of %s", stage, corpus)
    start = time.perf_counter()
    run = subprocess.run(
        [sys.executable, str(recipes / f"train_{stage}.py"), str(hparams)]
        + [*overrides, *options],
        env={**os.environ, "OMP_NUM_THREADS": str(_n_threads())},
    )
    if run.returncode:
        raise SystemExit(run.returncode)
    return time.perf_counter() - start


def _n_threads() -> int:
    """Cores that are left beside the process that composes chunks.

    A thread more, and all of them wait for each other most of the time.
    """
    return max(1, (os.cpu_count() or 1) - 1)
