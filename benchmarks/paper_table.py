#!/usr/bin/env python3
"""The paper's table: models in columns, corpora in rows.

> python benchmarks/paper_table.py \
    --model teacher=results/combined/teacher/1986/export \
    --model "spectrogram student=results/combined/student/1986/export" \
    --part "DIHARD III=prepared/dihard3/test.csv" --output results/paper_table

Writes paper_table.md, paper_table.json and, for each part, pictures of
precision against recall and of reliability. Rows without --part are looked for
where the recipes put their manifests. A corpus or a model that is not there is
named as absent. Files are written anew after each part.
"""

import logging
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from paper_tables import as_markdown

from explainable_seg.corpora import read_manifest
from explainable_seg.errors import ExplainableSegError
from explainable_seg.evaluation import LoadedModel, evaluate_part
from explainable_seg.files import (
    atomic_path,
    atomic_write_json,
    atomic_write_text,
)
from explainable_seg.inference import DEFAULT_MODEL
from explainable_seg.pages import plot_curves, plot_reliability

logger = logging.getLogger(__name__)

DEFAULT = "default"
PARTS = {
    "ALLIES-clean": "allies/manifests/test_fulltestcleanannot.csv",
    "DIHARD III": "dihard3/manifests/test.csv",
    "AragonRadio": "aragonradio/manifests/test.csv",
    "realbroadcast dev": "realbroadcast/manifests/dev.csv",
    "realbroadcast test": "realbroadcast/manifests/test.csv",
    "minibroadcast test": "minibroadcast/manifests/test.csv",
}
BAD_INPUT = 2


def named(
    context: click.Context, option: click.Parameter, values: Sequence[str]
) -> dict[str, str]:
    """NAME=PATH of an option that may be repeated."""
    pairs: dict[str, str] = {}
    for value in values:
        name, separator, path = value.partition("=")
        if not (name and separator and path):
            raise click.BadParameter(f"expected NAME=PATH, got '{value}'")
        if name in pairs:
            raise click.BadParameter(f"expected each name once, got '{name}'")
        pairs[name] = path
    return pairs


@click.command()
@click.option(
    "--model",
    "models",
    multiple=True,
    callback=named,
    metavar="NAME=FOLDER",
    help="A column; FOLDER 'default' is the model of the package, which is "
    "also the only column if none is named. Later ones are compared with "
    "earlier ones: name the teacher first.",
)
@click.option(
    "--part",
    "parts",
    multiple=True,
    callback=named,
    metavar="NAME=MANIFEST",
    help="A further row, or another manifest of a row.",
)
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    help="Where the recipes wrote <corpus>/manifests.",
)
@click.option("--data-root", help="What $data_root stands for in manifests.")
@click.option("--device", default="auto", show_default=True)
@click.option("--precision", default="auto", show_default=True)
@click.option(
    "--output", type=click.Path(path_type=Path), required=True, help="A folder."
)
def main(
    models: Mapping[str, str],
    parts: Mapping[str, str],
    results: Path,
    data_root: str | None,
    device: str,
    precision: str,
    output: Path,
) -> None:
    """Measure every model on every part."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sources = {
        name: str(DEFAULT_MODEL) if source == DEFAULT else source
        for name, source in (models or {DEFAULT: DEFAULT}).items()
    }
    manifests = {n: str(results / path) for n, path in PARTS.items()} | parts
    document: dict[str, Any] = {
        "models": {
            name: {"source": source, "absent": not Path(source).is_dir()}
            for name, source in sources.items()
        },
        "parts": {},
    }
    loaded = [
        LoadedModel.load(name, source, device, precision)
        for name, source in sources.items()
        if not document["models"][name]["absent"]
    ]
    for part, path in manifests.items():
        absent = not Path(path).is_file()
        entry: dict[str, Any] = {"manifest": path, "absent": absent}
        if not absent and loaded:
            logger.info("%s: %s", part, path)
            entry |= evaluate_part(loaded, read_manifest(path, data_root))
            draw(part, entry["models"], output)
        document["parts"][part] = entry
        write(document, output)


def write(document: Mapping[str, Any], output: Path) -> None:
    """Write the document and its tables."""
    atomic_write_json(output / "paper_table.json", document, indent=1)
    atomic_write_text(output / "paper_table.md", as_markdown(document))
    logger.info("wrote %s", output / "paper_table.md")


def draw(part: str, models: Mapping[str, Any], output: Path) -> None:
    """Draw the pictures of a part."""
    slug = re.sub(r"\W+", "_", part).strip("_").lower()
    for kind, plot in (
        ("curves", plot_curves),
        ("reliability", plot_reliability),
    ):
        with atomic_path(output / f"{slug}_{kind}.png") as temporary:
            plot(part, models).savefig(temporary)


if __name__ == "__main__":
    try:
        main()
    except (ExplainableSegError, OSError) as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(BAD_INPUT)
