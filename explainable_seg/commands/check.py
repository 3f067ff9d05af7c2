"""The command ``check``: every problem of manifests."""

from collections.abc import Sequence
from pathlib import Path

import click

from explainable_seg.cli_options import PATH
from explainable_seg.commands.console import BAD_INPUT, tell


@click.command()
@click.argument("manifests", nargs=-1, required=True, type=PATH)
@click.option(
    "--data-root",
    type=PATH,
    help="What $data_root in the manifests stands for.",
)
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many decode audio at once.",
)
def check(
    manifests: Sequence[Path], data_root: Path | None, processes: int
) -> int:
    """List every problem of manifests, with file and line.

    All audio is decoded. Exit code 2 if there is a problem.

    \b
    Example:
      explainable-seg check prepared/train.csv prepared/dev.csv
    """
    from tqdm import tqdm

    from explainable_seg.data.check import check_manifest

    count = 0
    for manifest in tqdm(manifests, desc="manifests", disable=None):
        for problem in check_manifest(manifest, data_root, processes):
            tqdm.write(" ".join(str(problem).splitlines()))
            count += 1
    if count:
        tell(f"{count} problems in {len(manifests)} manifests")
    return BAD_INPUT if count else 0
