"""The command ``export``: a student as a folder of its own."""

from pathlib import Path
from typing import Any

import click

from explainable_seg.cli_options import LOADING, PATH
from explainable_seg.commands.console import load_segmenter


@click.command
@click.option(
    "--output", required=True, type=PATH, help="Folder for the student."
)
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
    loading = {**loading, "device": "cpu"}
    load_segmenter(**loading).save_pretrained(output, not no_frontend, wavlm)
