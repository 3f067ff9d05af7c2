"""Options that commands share, and how their values are read."""

from collections.abc import Iterable
from pathlib import Path

import click

from explainable_seg.classes import KNOWN_LABELS, parse_class


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
    from explainable_seg.inference.formats import WRITERS

    names = list(dict.fromkeys(value.split(",")))
    for name in names:
        if name not in WRITERS:
            raise click.BadParameter(
                f"expected formats among {', '.join(WRITERS)}, got '{name}'."
            )
    return names


PATH = click.Path(path_type=Path)
MODEL = click.option(
    "--model", metavar="M", help="Folder or hub id of a student."
)
DEVICE = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where the model runs; auto takes CUDA where there is a card.",
)
