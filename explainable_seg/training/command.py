"""What a user has asked a recipe for: a file, its keys, and options.

Errors of the user's making take one line.
"""

import dataclasses
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

import torch

import speechbrain as sb
from explainable_seg.errors import ExplainableSegError
from explainable_seg.models import choose_device
from explainable_seg.training.settings import SettingsFile, json_string
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
