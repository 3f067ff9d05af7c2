"""How a recipe is started: errors of the user's making take one line."""

import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from hyperpyyaml import load_hyperpyyaml
from ruamel.yaml.error import MarkedYAMLError

from explainable_seg.errors import ExplainableSegError


def load_hparams(path: str, overrides: str) -> dict[str, Any]:
    """Read a HyperPyYAML file with the overrides of the command line.

    Arguments
    ---------
    path : str
        The file; it makes the objects that it names.
    overrides : str
        YAML of the keys to change.

    Returns
    -------
    dict[str, Any]
        Its values.

    Raises
    ------
    ExplainableSegError
        If the file is missing, lacks an overridden key, or a placeholder of it
        was not filled in.
    """
    try:
        with open(path, encoding="utf-8") as stream:
            return load_hyperpyyaml(stream, overrides)
    except OSError as error:
        raise ExplainableSegError(
            f"expected a YAML file, got '{error.strerror}', in {path}; "
            "name one of hparams/<corpus>/"
        ) from None
    except MarkedYAMLError as error:
        raise ExplainableSegError(
            f"expected YAML, got '{error.problem}', in {path} or the options; "
            "correct it, or give each option once"
        ) from None
    except (KeyError, ValueError) as error:
        reason = " ".join(str(error.args[0] if error.args else error).split())
        raise ExplainableSegError(
            f"expected settings that fit, got '{reason}', in {path}; "
            "correct the option"
        ) from None


def run_recipe(main: Callable[[Sequence[str]], None]) -> None:
    """Run a recipe on the arguments of the command line.

    Modules beside the script are found, also where it is a link to one that
    lies elsewhere.

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
    sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0])))
    try:
        main(sys.argv[1:])
    except ExplainableSegError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
