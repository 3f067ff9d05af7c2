"""The command ``prototypes``: which atoms make each class of a data set."""

from pathlib import Path
from typing import Any

import click

from explainable_seg.cli_options import DATA_ROOT, LOADING, OUTPUT, PATH
from explainable_seg.commands.console import load_segmenter
from explainable_seg.errors import printable


@click.command()
@click.argument("manifest", type=PATH)
@OUTPUT
@click.option(
    "--predicted",
    is_flag=True,
    help="Explain the segments that the student finds. Default: those of the "
    "reference.",
)
@DATA_ROOT
@LOADING
def prototypes(
    manifest: Path,
    output: Path,
    predicted: bool,
    data_root: Path | None,
    loading: dict[str, Any],
) -> None:
    """Explain each class over a data set: which atoms make it.

    Writes prototypes.json and prototypes.png.

    \b
    Example:
      explainable-seg prototypes prepared/test.csv --output prototypes
    """
    from explainable_seg.explanation.prototype_files import write_prototypes
    from explainable_seg.files import remove_leftovers

    remove_leftovers(output)
    write_prototypes(
        load_segmenter(**loading), manifest, output, predicted, data_root
    )
    click.echo(
        printable(f"written to {output}: prototypes.json, prototypes.png")
    )
