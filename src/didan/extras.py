"""Libraries that only some of didan needs."""

import importlib
import warnings
from types import ModuleType

from didan.errors import UserError


def require(module: str, extra: str, what: str) -> ModuleType:
    """Import an optional library, when it is needed and no earlier.

    Args:
        module: its name.
        extra: the extra of didan that installs it.
        what: what needs it, for the message.

    Raises:
        UserError: it is not installed; the message says how to install it.

    >>> require("math", "functionals", "nothing").pi > 3
    True
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what libraries say about one another is no help here
            return importlib.import_module(module)
    except ImportError as error:
        name = error.name or module
        raise UserError(
            f"{what} needs {name.partition('.')[0]}, which is not installed; pip install 'didan[{extra}]'"
        ) from error
