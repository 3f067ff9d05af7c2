"""The recipe folders, their rows in ``tests/recipes/`` and their READMEs."""

import csv
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2
import yaml

from explainable_seg.training import SettingsFile
from upstream.library import CHECKOUT, HERE, renamed, write_text

KEY = re.compile(r"^(\w+):", re.M)
STAGES = ("teacher", "dictionary", "student")
PREPARATION = re.compile(r"\bdata_prep\.(\w+_prepare)\b")
COLUMNS = (
    "Task Dataset Script_file Hparam_file Data_prep_file Readme_file Result_url "
    "HF_repo test_debug_flags test_debug_checks performance"
).split()


class RecipeFolders:
    """Writes the recipes of all datasets into a clone of SpeechBrain.

    Arguments
    ---------
    clone : pathlib.Path
        SpeechBrain's repository.
    """

    def __init__(self, clone: Path):
        self.clone = clone
        text = (HERE / "datasets.yaml").read_text(encoding="utf-8")
        self.settings: dict[str, Any] = yaml.safe_load(text)
        self.datasets: list[dict[str, Any]] = self.settings["datasets"]
        self.homes = {
            f"{corpus}_prepare": dataset["folder"]
            for dataset in self.datasets
            for corpus in (dataset["corpus"], *dataset.get("also", ()))
            if (CHECKOUT / f"data_prep/{corpus}_prepare.py").is_file()
        }

    def write(self) -> Iterator[Path]:
        """Write all of it.

        Yields
        ------
        pathlib.Path
            What was written, links included.
        """
        for dataset in self.datasets:
            corpus = CHECKOUT / "hparams" / dataset["corpus"]
            hparams = {
                path.stem: SettingsFile(str(path)).text
                for path in sorted(corpus.glob("*.yaml"))
            }
            folder = f"recipes/{dataset['folder']}"
            for module, home in self.homes.items():
                if home == dataset["folder"]:
                    source = CHECKOUT / f"data_prep/{module}.py"
                    text = source.read_text(encoding="utf-8")
                    yield self._text(f"{folder}/{module}.py", text)
                    yield from self._links(text, folder)
            folder += "/segmentation"
            for stage, text in hparams.items():
                yield self._text(f"{folder}/hparams/{stage}.yaml", text)
                yield self._script(f"train_{stage}.py", folder)
                yield from self._links(text, folder)
            yield self._text(
                f"{folder}/extra_requirements.txt", self._requirements(dataset)
            )
            yield self._text(
                f"{folder}/README.md", self._readme(dataset, list(hparams))
            )
            yield self._rows(dataset, hparams)
            yield from self._setups(dataset, list(hparams))

    def _text(self, place: str, text: str) -> Path:
        """Write a file with the names of SpeechBrain."""
        return write_text(self.clone / place, renamed(text))

    def _link(self, target: str, place: str) -> Path:
        """Link from a place to a file, relative as SpeechBrain's are."""
        path = self.clone / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(os.path.relpath(target, os.path.dirname(place)))
        return path

    def _links(self, text: str, folder: str) -> Iterator[Path]:
        """Link to the preparations that a text names, and those they name."""
        for module in sorted(set(PREPARATION.findall(text))):
            source = CHECKOUT / f"data_prep/{module}.py"
            home = f"recipes/{self.homes[module]}/{module}.py"
            yield self._link(home, f"{folder}/{module}.py")
            yield from self._links(source.read_text(encoding="utf-8"), folder)

    def _script(self, name: str, folder: str) -> Path:
        """Write a training script, or link to it."""
        home = f"recipes/{self.settings['scripts_in']}/segmentation"
        if folder != home:
            return self._link(f"{home}/{name}", f"{folder}/{name}")
        text = (CHECKOUT / f"recipes/{name}").read_text(encoding="utf-8")
        return self._text(f"{folder}/{name}", text)

    def _requirements(self, dataset: Mapping[str, Any]) -> str:
        """Packages that a recipe needs beside SpeechBrain's, one a line."""
        own = dataset.get("requirements", [])
        lines = sorted(self.settings["requirements"] + own, key=str.lower)
        return "\n".join(lines) + "\n"

    def _rows(
        self, dataset: Mapping[str, Any], hparams: Mapping[str, str]
    ) -> Path:
        """Write the rows of SpeechBrain's recipe tests, one a YAML file."""
        path = self.clone / f"tests/recipes/{dataset['folder']}.csv"
        with open(path, "w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS, "", lineterminator="\n")
            writer.writeheader()
            writer.writerows(
                self._row(dataset, stage, text)
                for stage, text in hparams.items()
            )
        return path

    def _row(
        self, dataset: Mapping[str, Any], stage: str, text: str
    ) -> dict[str, str]:
        """Row of one YAML file."""
        folder = f"recipes/{dataset['folder']}/segmentation"
        flags = {**self.settings["debug"], **dataset.get("debug", {})}
        keys = set(KEY.findall(text)) - {stage}  # a stage makes its own
        checks = self.settings["checks"]
        files = f"train_{stage}.py,{checks['all']},{checks[stage]['files']}"
        return {
            "Task": "Segmentation",
            "Dataset": dataset["folder"],
            "Script_file": f"{folder}/train_{stage}.py",
            "Hparam_file": f"{folder}/hparams/{stage}.yaml",
            "Data_prep_file": f"{folder}/{PREPARATION.findall(text)[0]}.py",
            "Readme_file": f"{folder}/README.md",
            "test_debug_flags": " ".join(
                f"--{key}="
                + str(value).format(folder=dataset["folder"], stage=stage)
                for key, value in flags.items()
                if key in keys
            ),
            "test_debug_checks": f"file_exists=[{files}] performance_check="
            f"[train_log.txt, {checks[stage]['log']}, epoch: 2]",
        }

    def _setups(
        self, dataset: Mapping[str, Any], stages: list[str]
    ) -> Iterator[Path]:
        """Write what prepares, before a test, the corpora that it joins."""
        lines = ["#!/bin/bash", "set -e"] + [
            f"python recipes/{other['folder']}/{other['corpus']}_prepare.py "
            f"--data_folder tests/samples/segmentation/{other['folder']} "
            f"--output_folder tests/tmp/prepared/{other['corpus']}"
            for other in self.datasets
            if other["folder"] in dataset.get("prepares", ())
        ]
        for stage in stages if lines[2:] else ():
            script = f"recipes_{dataset['folder']}_segmentation_train_{stage}"
            setup = self._text(
                f"tests/recipes/setup/{script}/hparams_{stage}",
                "\n".join(lines) + "\n",
            )
            setup.chmod(0o755)
            yield setup

    def _readme(self, dataset: Mapping[str, Any], stages: list[str]) -> str:
        """README of a recipe."""
        title = dataset.get("title", dataset["folder"])
        about = dataset.get("about", f"## {title}")
        if about.startswith("#"):
            about = _section(CHECKOUT / "docs/corpora.md", about)
        measured = CHECKOUT / "docs/results.md"
        results, time = dataset.get("results"), dataset.get("time")
        words = " ".join(measured.read_text(encoding="utf-8").split())
        if time and time not in words:
            raise ValueError(f"expected '{time}', got no such, in {measured}")
        template = jinja2.Template(
            (HERE / "recipe.md.j2").read_text(encoding="utf-8"),
            keep_trailing_newline=True,
            trim_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        return template.render(
            title=title,
            about=about,
            results=_section(measured, results) if results else None,
            time=time,
            stages=[stage for stage in STAGES if stage in stages],
        )


def _section(path: Path, heading: str) -> str:
    """Text below a heading, up to the next one of its level or above."""
    text = path.read_text(encoding="utf-8")
    _, found, rest = f"\n{text}".partition(f"\n{heading}\n")
    if not found:
        raise ValueError(f"expected '{heading}', got no such line, in {path}")
    level = heading.index(" ")
    return re.split(rf"\n#{{1,{level}}} ", rest)[0].strip() + "\n"
