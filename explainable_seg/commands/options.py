"""Options that commands share, and what they say on the terminal."""

import faulthandler
import functools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from explainable_seg.classes import KNOWN_LABELS, parse_class
from explainable_seg.decisions import ALL
from explainable_seg.errors import printable

if TYPE_CHECKING:
    from explainable_seg.inference import ExplainableSegmenter, Share

BAD_INPUT = 2
STDERR = 2  # descriptor
# What ends a run as Ctrl-C does; the second is that of a closed terminal.
ENDING = [
    getattr(signal, name)
    for name in ("SIGTERM", "SIGHUP")
    if hasattr(signal, name)
]
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def tell(message: str) -> None:
    """Write an error as one line, above the progress bar if there is one."""
    note(f"error: {message}")


def note(message: str) -> None:
    """Write one line to stderr, above the progress bar if there is one."""
    from tqdm import tqdm

    tqdm.write(printable(message), file=sys.stderr)


def show_anything() -> None:
    """Let stdout and stderr take what their encoding does not know."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def libraries_silenced() -> Iterator[None]:
    """Keep from the user what C libraries write to descriptor 2 themselves.

    Of a damaged MP3 file, libmpg123 says so in lines of its own, beside ours.
    Python's own standard error gets another descriptor meanwhile, with what
    faulthandler says of a crash. Where it is no file, nothing is done.
    """
    python = sys.stderr
    try:
        is_file = python is not None and python.fileno() == STDERR
    except (OSError, ValueError):  # as in a notebook, or closed
        is_file = False
    if not is_file:
        yield
        return
    python.flush()
    had_handler = faulthandler.is_enabled()
    kept = os.dup(STDERR)
    ours = open(  # closed below: not before all is said
        os.dup(kept),
        "w",
        buffering=1,
        encoding=python.encoding,
        errors=python.errors,
    )
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), STDERR)
    sys.stderr = ours
    faulthandler.enable(ours)
    try:
        yield
    finally:
        faulthandler.disable()
        sys.stderr = python
        ours.close()
        os.dup2(kept, STDERR)
        os.close(kept)
        if had_handler:
            faulthandler.enable()


@contextmanager
def ended_by_signals() -> Iterator[list[int]]:
    """Let signals that ask for an end do what Ctrl-C does.

    Yields
    ------
    list[int]
        Those that came.
    """
    came: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        came.append(number)
        raise KeyboardInterrupt

    # Python lets the main thread alone choose; nohup's choice stays.
    ours = threading.current_thread() is threading.main_thread()
    mine = [
        number
        for number in ENDING
        if ours and signal.getsignal(number) == signal.SIG_DFL
    ]
    for number in mine:
        signal.signal(number, end)
    try:
        yield came
    finally:
        for number in mine:
            signal.signal(number, signal.SIG_DFL)


def load_segmenter(**loading: Any) -> "ExplainableSegmenter":
    """Segmenter of the options for loading."""
    from explainable_seg.inference import ExplainableSegmenter

    return ExplainableSegmenter.from_pretrained(**loading)


class ClassListCommand(click.Command):
    """A command whose class option takes one class or several.

    ``--class speech music``, ``--class speech --class music`` and
    ``--class speech,music`` mean the same.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat the option before each class that follows it."""
        repeated: list[str] = []
        option = None
        for argument in args:
            if argument in ("--class", "--classes"):
                option = argument
            elif option and argument in KNOWN_LABELS:
                if repeated[-1] != option:
                    repeated.append(option)
            else:
                option = None
            repeated.append(argument)
        return super().parse_args(ctx, repeated)


def parse_classes(
    ctx: click.Context, parameter: click.Parameter, values: Iterable[str]
) -> list[str]:
    """Full names of the classes of an option, each once."""
    labels = [label for value in values for label in value.split(",")]
    where = f"the option {parameter.opts[0]}"
    return list(dict.fromkeys(parse_class(label, where) for label in labels))


def parse_formats(
    ctx: click.Context, parameter: click.Parameter, value: str
) -> list[str]:
    """Names of the formats of an option, each once."""
    from explainable_seg.decisions import WRITERS

    names = list(dict.fromkeys(value.split(",")))
    for name in names:
        if name not in WRITERS:
            raise click.BadParameter(
                f"expected formats among {', '.join(WRITERS)}, got '{name}'."
            )
    return names


def parse_share(
    ctx: click.Context, parameter: click.Parameter, value: str | None
) -> "Share | None":
    """Share of the recordings, of ``K/N``."""
    from explainable_seg.inference import Share

    if value is None:
        return None
    number, _, count = value.partition("/")
    if not (number.isdecimal() and count.isdecimal()) or not (
        1 <= int(number) <= int(count)
    ):
        raise click.BadParameter(
            f"expected K/N with K from 1 to N, such as 2/10, got '{value}'."
        )
    return Share(int(number), int(count))


def parse_per_class(
    ctx: click.Context, parameter: click.Parameter, values: Iterable[str]
) -> dict[str, float]:
    """Numbers a class, of ``class=number``, or of a number for the others."""
    where = f"the option {parameter.opts[0]}"
    parsed: dict[str, float] = {}
    for value in values:
        label, _, number = value.rpartition("=")
        label = parse_class(label, where) if "=" in value else ALL
        try:
            parsed[label] = float(number)
        except ValueError:
            raise click.BadParameter(
                f"expected a number, or one of a class such as speech=0.4, got "
                f"'{value}'."
            ) from None
    return parsed


def grouped(
    name: str, options: Mapping[str, Decorator], make: Callable[..., Any] = dict
) -> Decorator:
    """Several options that a command gets as one argument.

    Arguments
    ---------
    name : str
        Name of the argument.
    options : Mapping[str, callable]
        ``click.option`` decorators by the name of their value.
    make : callable
        Makes the argument from the values; those not given are left out.

    Returns
    -------
    callable
        Decorator of a command.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def call(**values: Any) -> Any:
            group = {key: values.pop(key) for key in options}
            given = {k: v for k, v in group.items() if v not in (None, {}, ())}
            return command(**values, **{name: make(**given)})

        wrapped: Callable[..., Any] = call
        for option in reversed(list(options.values())):
            wrapped = option(wrapped)
        return wrapped

    return decorate


def _excerpt(**values: Any) -> Any:
    """Excerpt of options; imported on use, for it needs torch."""
    from explainable_seg.audio import Excerpt

    return Excerpt(**values)


def _per_class(option: str, name: str, metavar: str, text: str) -> Decorator:
    """An option that holds a number for a class or for all."""
    return click.option(
        option,
        name,
        multiple=True,
        metavar=metavar,
        callback=parse_per_class,
        help=f"{text} Of one class or of all; may be repeated.",
    )


class _NamedPath(click.Path):
    """A path that is not empty: ``""`` would be the working folder."""

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        """The path."""
        return super().convert(not_empty(ctx, param, value), param, ctx)


def not_empty(
    ctx: click.Context | None, parameter: click.Parameter | None, value: Any
) -> Any:
    """The value of an option, unless it is there and says nothing."""
    if value is not None and not str(value).strip():
        raise click.BadParameter(
            "expected a name, got an empty one; is a variable of the shell "
            "empty?",
            ctx,
            parameter,
        )
    return value


PATH = _NamedPath(path_type=Path)

OUTPUT = click.option(
    "-o",
    "--output",
    required=True,
    type=PATH,
    help="Folder for the results.",
)

DATA_ROOT = click.option(
    "--data-root",
    type=PATH,
    help="What $data_root in a manifest stands for.",
)

QUIET = click.option(
    "-q",
    "--quiet",
    is_flag=True,
    help="Say nothing but errors.",
)

SOUND = {
    "channel": click.option(
        "--channel",
        type=click.IntRange(min=1),
        metavar="N",
        help="Channel, from 1. Default: the mean of all.",
    ),
    "track": click.option(
        "--track",
        type=click.IntRange(min=1),
        metavar="N",
        help="Sound track of a video, from 1. Default: its default.",
    ),
}

LOADING = grouped(
    "loading",
    {
        "source": click.option(
            "--model",
            "source",
            metavar="M",
            callback=not_empty,
            help="Folder or hub id of a student. Default: the one that comes "
            "with the package.",
        ),
        "revision": click.option(
            "--revision",
            metavar="R",
            help="Branch, tag or commit of the model on the hub.",
        ),
        "cache_dir": click.option(
            "--cache-dir",
            type=PATH,
            help="Where downloaded models are kept. Default: the hub's cache.",
        ),
        "device": click.option(
            "--device",
            type=click.Choice(["auto", "cpu", "cuda"]),
            default="auto",
            show_default=True,
            help="Where the model runs; auto takes CUDA where there is a card.",
        ),
        "precision": click.option(
            "--precision",
            type=click.Choice(["auto", "fp32", "bf16"]),
            default="auto",
            show_default=True,
            help="auto takes bf16 for WavLM on a card that has it; "
            "probabilities are then rounded.",
        ),
        "batch_size": click.option(
            "--batch-size",
            type=click.IntRange(min=1),
            default=16,
            show_default=True,
            help="Windows at a time; more use more memory.",
        ),
        "step": click.option(
            "--step",
            type=float,
            metavar="SECONDS",
            help="Between windows; longer is faster. Default: the model's.",
        ),
    },
)

EXCERPT = grouped(
    "excerpt",
    {
        **SOUND,
        "start": click.option(
            "--start", type=float, help="Where to begin, seconds."
        ),
        "end": click.option("--end", type=float, help="Where to end, seconds."),
    },
    _excerpt,
)

HEARD = grouped("heard", SOUND)

DECISIONS = grouped(
    "decisions",
    {
        "operating_point": click.option(
            "--operating-point",
            type=click.Choice(["balanced", "recall", "precision"]),
            help="Thresholds of the model by name. Default: balanced.",
        ),
        "thresholds": _per_class(
            "--threshold",
            "thresholds",
            "[C=]P",
            "Lowest probability that counts as found.",
        ),
        "hysteresis": _per_class(
            "--hysteresis",
            "hysteresis",
            "[C=]P",
            "How far below the threshold a class goes on.",
        ),
        "min_on": _per_class(
            "--min-on", "min_on", "[C=]S", "Shortest segment, seconds."
        ),
        "min_off": _per_class(
            "--min-off", "min_off", "[C=]S", "Shortest pause, seconds."
        ),
        "max_on": _per_class(
            "--max-on", "max_on", "[C=]S", "Longest segment, seconds."
        ),
        "derived": click.option(
            "--derived",
            multiple=True,
            metavar="L",
            help="Add a label where two classes hold together, such as "
            "speech_over_music; may be repeated.",
        ),
    },
)
