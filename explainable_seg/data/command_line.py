"""The command line that all preparations share."""

import argparse
import logging
import os
from collections.abc import Callable, Sequence
from typing import NoReturn

from explainable_seg.errors import ExplainableSegError


class PreparationParser(argparse.ArgumentParser):
    """Parser with the options of every preparation and one-line errors.

    Arguments
    ---------
    description : str
        What the preparation does.
    folder_help : str
        What the data folder is.
    folders : bool
        Whether the preparation reads one data folder and its audio.
    """

    def __init__(
        self,
        description: str | None,
        folder_help: str = "the corpus, as unpacked",
        folders: bool = True,
    ) -> None:
        super().__init__(
            description=description,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if folders:
            self.add_argument("--data_folder", required=True, help=folder_help)
            self.add_argument(
                "--processes",
                type=int,
                default=min(8, os.cpu_count() or 1),
                help="how many work at once (default: %(default)s)",
            )
        self.add_argument(
            "--output_folder", required=True, help="where manifests go"
        )
        self.add_argument("--skip_prep", action="store_true", help="do nothing")

    def add_convert(self) -> None:
        """Offer ``--convert``, where audio is read from a corpus."""
        self.add_argument(
            "--convert",
            action="store_true",
            help="copy the audio as 16 kHz mono FLAC; else it stays in place",
        )

    def error(self, message: str) -> NoReturn:
        """One line and exit code 2, without the usage."""
        self.exit(2, f"{self.prog}: {message}; --help shows the options\n")

    def run(
        self,
        prepare: Callable[..., None],
        arguments: Sequence[str] | None = None,
    ) -> None:
        """Parse the arguments and call the preparation with them.

        Arguments
        ---------
        prepare : Callable
            Takes every option by its name.
        arguments : Sequence[str], optional
            By default those of the process.
        """
        options = vars(self.parse_args(arguments))
        logging.basicConfig(level=logging.INFO, format="%(message)s")
        try:
            prepare(**options)
        except ExplainableSegError as error:
            self.exit(2, f"{self.prog}: {error}\n")
