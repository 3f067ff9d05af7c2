"""The command ``explainable-seg``: a thin face of the package.

Whatever a user can cause ends as one line on stderr and exit code 2.
"""

import signal
import sys
import warnings
from collections.abc import Sequence

import click

from explainable_seg import __version__
from explainable_seg.commands.evaluate import check, evaluate
from explainable_seg.commands.explain import explain, export, prototypes
from explainable_seg.commands.options import (
    BAD_INPUT,
    ended_by_signals,
    libraries_silenced,
    show_anything,
    tell,
)
from explainable_seg.commands.segment import segment
from explainable_seg.commands.tune import tune
from explainable_seg.errors import ExplainableSegError
from explainable_seg.threads import take_free_cores


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Arguments
    ---------
    arguments : Sequence[str], optional
        In place of those that the process was started with.

    Returns
    -------
    int
        Exit code: 0, 2 if something failed, or 128 and the number of the
        signal that ended it.
    """
    take_free_cores()
    show_anything()
    with libraries_silenced(), ended_by_signals() as came:
        try:
            return _run(arguments)
        except (click.Abort, KeyboardInterrupt):
            tell("terminated" if came else "interrupted")
            return 128 + (came or [signal.SIGINT])[0]


def _run(arguments: Sequence[str] | None) -> int:
    """Exit code of a command; what a user can cause is one line."""
    try:
        with warnings.catch_warnings():
            # Those of libraries are for developers, and no line of ours.
            if not sys.warnoptions:
                warnings.simplefilter("ignore")
            code = cli.main(
                arguments, prog_name="explainable-seg", standalone_mode=False
            )
        return int(code or 0)
    except click.UsageError as error:
        place = error.ctx.command_path if error.ctx else "explainable-seg"
        tell(f"{error.format_message()} See '{place} --help'.")
    except click.ClickException as error:
        tell(error.format_message())
    except ExplainableSegError as error:
        tell(str(error))
    except MemoryError:
        tell(
            "expected memory, got none left; use a smaller --batch-size, a "
            "shorter recording, or a larger machine"
        )
    except OSError as error:
        reason = error.strerror or str(error)
        where = f", in {error.filename}" if error.filename else ""
        tell(
            f"expected to read and write, got '{reason}'{where}; check the "
            "disk, the name, and what you may read and write"
        )
    return BAD_INPUT


@click.group(
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__)
def cli() -> None:
    """Find speech, music, noise and overlapped speech, and say why."""


for command in (
    *(segment, explain, prototypes),
    *(evaluate, check, tune, export),
):
    cli.add_command(command)
