"""The command line that all preparations share."""

import argparse
import logging
from collections.abc import Callable, Sequence
from typing import NoReturn

from explainable_seg.errors import ExplainableSegError


class PreparationParser(argparse.ArgumentParser):
    """Parser with the two folders of a preparation and one-line errors.

    Arguments
    ---------
    description : str
        What the preparation does.
    """

    def __init__(self, description: str | None) -> None:
        super().__init__(
            description=description,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self.add_argument(
            "--data_folder", required=True, help="the corpus, as unpacked"
        )
        self.add_argument(
            "--output_folder", required=True, help="where manifests go"
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
