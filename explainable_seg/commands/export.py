"""The command ``export``: a student as a folder of its own."""

from pathlib import Path
from typing import Any

import click

from explainable_seg.cli_options import LOADING, OUTPUT
from explainable_seg.commands.console import load_segmenter
from explainable_seg.errors import printable


@click.command
@OUTPUT
@click.option(
    "--no-frontend",
    is_flag=True,
    help="Leave WavLM's weights out: they are then loaded from where they "
    "were published.",
)
@click.option(
    "--wavlm",
    metavar="W",
    help="Where that is: hub id or folder. Default: where the student had "
    "them from, if it says so.",
)
@LOADING
def export(
    output: Path,
    no_frontend: bool,
    wavlm: str | None,
    loading: dict[str, Any],
) -> None:
    """Write a student as a folder that --model takes.

    With its front end the folder is all that is needed; without, a student on
    WavLM takes megabytes in place of gigabytes, and needs the hub or a folder
    to be loaded.

    \b
    Example:
      explainable-seg export --model student/ --output small \\
        --no-frontend --wavlm microsoft/wavlm-large
    """
    from explainable_seg.files import check_room, remove_leftovers

    segmenter = load_segmenter(**{**loading, "device": "cpu"})
    remove_leftovers(output)
    if not no_frontend:
        weights = segmenter.model.state_dict().values()
        check_room(output, sum(w.nbytes for w in weights))
    segmenter.save_pretrained(output, not no_frontend, wavlm)
    click.echo(printable(f"written to {output}, which --model takes"))
