"""The recipe folders, their rows in ``tests/recipes/`` and their READMEs."""

import csv
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2
import yaml

from explainable_seg import _EXPORTS
from explainable_seg.training import SettingsFile
from upstream.imports import names_imported
from upstream.rooms import CHECKOUT, HERE, Rooms

STAGES = ("teacher", "dictionary", "student")
PREPARE = re.compile(r"^prepare: !name:data_prep\.(\w+)\.", re.M)
COLUMNS = (
    "Task",
    "Dataset",
    "Script_file",
    "Hparam_file",
    "Data_prep_file",
    "Readme_file",
    "Result_url",
    "HF_repo",
    "test_debug_flags",
    "test_debug_checks",
    "performance",
)


class RecipeFolders:
    """Writes the recipes of all datasets into a clone of SpeechBrain.

    Arguments
    ---------
    clone : pathlib.Path
        SpeechBrain's repository.
    rooms : Rooms
        Where our modules go.
    """

    def __init__(self, clone: Path, rooms: Rooms):
        self.clone = clone
        self.rooms = rooms
        text = (HERE / "datasets.yaml").read_text(encoding="utf-8")
        self.settings: dict[str, Any] = yaml.safe_load(text)
        self.datasets: list[dict[str, Any]] = self.settings["datasets"]
        self.homes = {
            f"{corpus}_prepare": dataset["folder"]
            for dataset in self.datasets
            for corpus in (dataset["corpus"], *dataset.get("also", ()))
            if (CHECKOUT / f"data_prep/{corpus}_prepare.py").is_file()
        }

    def write(self) -> list[Path]:
        """Write all of it.

        Returns
        -------
        list[pathlib.Path]
            What was written, links included.
        """
        return [
            path for dataset in self.datasets for path in self._write(dataset)
        ]

    def _write(self, dataset: Mapping[str, Any]) -> Iterator[Path]:
        """Write one dataset; yield what was written."""
        folder = f"recipes/{dataset['folder']}"
        files = sorted((CHECKOUT / "hparams" / dataset["corpus"]).iterdir())
        for module, home in self.homes.items():
            if home == dataset["folder"]:
                yield from self._write_preparation(module, folder)
        needed = set()
        for path in files:
            text = SettingsFile(str(path)).text
            needed |= self._preparations(PREPARE.findall(text)[0])
            yield self._text(
                f"{folder}/segmentation/hparams/{path.name}", self._rename(text)
            )
            yield self._write_script(f"train_{path.stem}.py", folder)
        for module in sorted(needed):
            yield self._link_preparation(module, f"{folder}/segmentation")
        requirements = [
            *self.settings["requirements"],
            *dataset.get("requirements", ()),
        ]
        yield self._text(
            f"{folder}/segmentation/extra_requirements.txt",
            "\n".join(sorted(requirements, key=str.lower)) + "\n",
        )
        yield self._text(
            f"{folder}/segmentation/README.md", self._readme(dataset, files)
        )
        yield self._write_rows(dataset, files)
        if "prepares" in dataset:
            yield from self._write_setups(dataset, files)

    def _preparations(self, module: str) -> set[str]:
        """A preparation and those that it imports."""
        path = CHECKOUT / f"data_prep/{module}.py"
        names = names_imported(path, on_import=False)
        others = {n.split(".")[1] for n in names if n.startswith("data_prep.")}
        return {module}.union(*map(self._preparations, others))

    def _write_preparation(self, module: str, folder: str) -> Iterator[Path]:
        """Write a preparation once, beside links to those it imports."""
        path = CHECKOUT / f"data_prep/{module}.py"
        text = self._rename(path.read_text(encoding="utf-8"))
        yield self._text(f"{folder}/{module}.py", text)
        for other in sorted(self._preparations(module) - {module}):
            yield self._link_preparation(other, folder)

    def _link_preparation(self, module: str, folder: str) -> Path:
        """Link to a preparation in its home."""
        home = f"recipes/{self.homes[module]}/{module}.py"
        return self._link(home, f"{folder}/{module}.py")

    def _write_script(self, name: str, folder: str) -> Path:
        """Write a training script, or link to it."""
        place = f"{folder}/segmentation/{name}"
        home = f"recipes/{self.settings['scripts_in']}/segmentation/{name}"
        if place != home:
            return self._link(home, place)
        text = (CHECKOUT / f"recipes/{name}").read_text(encoding="utf-8")
        return self._text(place, self._rename(text))

    def _write_rows(
        self, dataset: Mapping[str, Any], files: list[Path]
    ) -> Path:
        """Write the rows of SpeechBrain's recipe tests, one a YAML file."""
        path = self.clone / f"tests/recipes/{dataset['folder']}.csv"
        with open(path, "w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._row(dataset, path) for path in files)
        return path

    def _row(self, dataset: Mapping[str, Any], path: Path) -> dict[str, str]:
        """Row of one YAML file."""
        folder = f"recipes/{dataset['folder']}/segmentation"
        file = SettingsFile(str(path))
        (module,) = PREPARE.findall(file.text)
        flags = {**self.settings["debug"], **dataset["debug"]}
        made = {"dictionary"} if path.stem == "dictionary" else set()
        keys = file.entries.keys() - made
        checks = self.settings["checks"][path.stem]
        return dict.fromkeys(COLUMNS, "") | {
            "Task": "Segmentation",
            "Dataset": dataset["folder"],
            "Script_file": f"{folder}/train_{path.stem}.py",
            "Hparam_file": f"{folder}/hparams/{path.name}",
            "Data_prep_file": f"{folder}/{module}.py",
            "Readme_file": f"{folder}/README.md",
            "test_debug_flags": " ".join(
                f"--{key}={str(value).format(folder=dataset['folder'])}"
                for key, value in flags.items()
                if key in keys
            ),
            "test_debug_checks": " ".join(
                f"{key}=[{value}]" for key, value in checks.items()
            ),
        }

    def _write_setups(
        self, dataset: Mapping[str, Any], files: list[Path]
    ) -> Iterator[Path]:
        """Write what prepares, before a test, the corpora that it joins."""
        lines = ["#!/bin/bash", "set -e"]
        for other in self.datasets:
            if other["folder"] in dataset["prepares"]:
                lines.append(
                    f"python recipes/{other['folder']}/"
                    f"{other['corpus']}_prepare.py "
                    f"--data_folder {other['debug']['data_folder']} "
                    f"--output_folder tests/tmp/prepared/{other['corpus']}"
                )
        script = f"recipes_{dataset['folder']}_segmentation_train_"
        for path in files:
            place = f"tests/recipes/setup/{script}{path.stem}/"
            setup = self._text(
                f"{place}hparams_{path.stem}", "\n".join(lines) + "\n"
            )
            setup.chmod(0o755)
            yield setup

    def _readme(self, dataset: Mapping[str, Any], files: list[Path]) -> str:
        """README of a recipe."""
        about = dataset["about"]
        if about.startswith("#"):
            about = section(CHECKOUT / "docs/corpora.md", about)
        results = None
        if "results" in dataset:
            results = section(CHECKOUT / "docs/results.md", dataset["results"])
        if "time" in dataset:
            _check_quoted(dataset["time"], CHECKOUT / "docs/results.md")
        template = jinja2.Template(
            (HERE / "recipe.md.j2").read_text(encoding="utf-8"),
            keep_trailing_newline=True,
            trim_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        return self._rename(
            template.render(
                title=dataset["title"],
                about=about,
                results=results,
                time=dataset.get("time"),
                stages=[s for s in STAGES if any(s == f.stem for f in files)],
            )
        )

    def _rename(self, text: str) -> str:
        """Text with the names of SpeechBrain."""
        return self.rooms.rename(text, _EXPORTS)

    def _text(self, relative: str, text: str) -> Path:
        """Write a file."""
        path = self.clone / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # it may be a link
        path.write_text(text, encoding="utf-8")
        return path

    def _link(self, target: str, place: str) -> Path:
        """Link from a place to a file, relative as SpeechBrain's are."""
        path = self.clone / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(os.path.relpath(target, os.path.dirname(place)))
        return path


def section(path: Path, heading: str) -> str:
    """Text below a heading, up to the next one of its level or above.

    Arguments
    ---------
    path : pathlib.Path
        Markdown file.
    heading : str
        The whole line.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If there is no such heading.
    """
    text = path.read_text(encoding="utf-8")
    _, found, rest = f"\n{text}".partition(f"\n{heading}\n")
    if not found:
        raise ValueError(f"expected '{heading}', got no such line, in {path}")
    level = heading.index(" ")
    return re.split(rf"\n#{{1,{level}}} ", rest)[0].strip() + "\n"


def _check_quoted(words: str, path: Path) -> None:
    """Raise unless a file says that, line ends aside."""
    text = path.read_text(encoding="utf-8")
    if words not in " ".join(text.split()):
        raise ValueError(f"expected '{words}', got other words, in {path}")
