"""The command ``check``: every problem of manifests."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from explainable_seg.cli_options import PATH
from explainable_seg.commands.console import BAD_INPUT, tell

if TYPE_CHECKING:
    from explainable_seg.data.check import Totals


@click.command()
@click.argument("manifests", nargs=-1, required=True, type=PATH)
@click.option(
    "--data-root",
    type=PATH,
    help="What $data_root in the manifests stands for. Default: what the "
    "summary.json beside each says.",
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

    All audio is decoded. Exit code 2 if there is a problem; what is only
    worth a look is a note.

    \b
    Example:
      explainable-seg check prepared/train.csv prepared/dev.csv
    """
    from tqdm import tqdm

    from explainable_seg.data.check import Totals, check_manifest

    count, totals = 0, Totals()
    for manifest in tqdm(manifests, desc="manifests", disable=None):
        for problem in check_manifest(manifest, data_root, processes, totals):
            tqdm.write(_printable(str(problem)))
            count += not problem.is_note
    if count:
        tell(f"{count} problems in {len(manifests)} manifests")
        return BAD_INPUT
    click.echo(_all_well(len(manifests), totals))
    return 0


def _all_well(n_manifests: int, totals: "Totals") -> str:
    """What was found right, in one line."""
    known = [name for name, seconds in totals.known.items() if seconds]
    return (
        f"no problems in {n_manifests} manifests ({totals.recordings} "
        f"recordings, {totals.seconds / 3600:.2f} hours; known: "
        f"{', '.join(known) or 'nothing'})"
    )


def _printable(text: str) -> str:
    """A message as one line that the console can show, whatever is in it."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    encoding = sys.stdout.encoding or "utf-8"
    return shown.encode(encoding, "backslashreplace").decode(encoding)
