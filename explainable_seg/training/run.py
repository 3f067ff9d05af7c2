"""How a recipe is started: errors of the user's making take one line."""

import logging
import sys
from collections.abc import Callable, Sequence

from explainable_seg.errors import ExplainableSegError


def run_recipe(main: Callable[[Sequence[str]], None]) -> None:
    """Run a recipe on the arguments of the command line.

    Arguments
    ---------
    main : callable
        Takes the arguments without the name of the script.

    Raises
    ------
    SystemExit
        With code 2, after one line on stderr, for what a user can put right.
    """
    logging.basicConfig(level=logging.INFO)
    try:
        main(sys.argv[1:])
    except ExplainableSegError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
