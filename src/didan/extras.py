"""Libraries that only some of didan needs."""

import importlib
import json
import os
import shlex
import warnings
from types import ModuleType

from didan.errors import UserError

_UNUSED_BY_POT = ("JAX", "TENSORFLOW", "CUPY")
"""What POT, and skada by it, would import where it is installed; JAX alone takes most of a GPU's memory."""


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
    for backend in _UNUSED_BY_POT:
        os.environ.setdefault(f"POT_BACKEND_DISABLE_{backend}", "1")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what libraries say about one another is no help here
            return importlib.import_module(module)
    except ImportError as error:
        name = error.name or module
        raise UserError(
            f"{what} needs {name.partition('.')[0]}, which is not installed; {install_command(extra)}"
        ) from error


def install_command(extra: str | None = None) -> str:
    """How to install didan, or an extra of it, from where it was installed.

    Installers note that in ``direct_url.json``, unless it was a package index.
    """
    # Only errors ask for this, and every command imports this module.
    from importlib.metadata import PackageNotFoundError, distribution
    from urllib.parse import urlparse
    from urllib.request import url2pathname

    wanted = f"[{extra}]" if extra else ""
    try:
        noted = distribution("didan").read_text("direct_url.json")
    except PackageNotFoundError:  # the sources as they lie there
        return f"pip install '.{wanted}' in a clone of didan"
    origin = json.loads(noted) if noted else {}
    if "dir_info" in origin:
        wanted = f"{url2pathname(urlparse(origin['url']).path)}{wanted}"
    elif origin:  # a repository, or an archive
        version_control = f"{origin['vcs_info']['vcs']}+" if "vcs_info" in origin else ""
        wanted = f"didan{wanted} @ {version_control}{origin['url']}"
    else:
        wanted = f"didan{wanted}"
    editable = "--editable " if origin.get("dir_info", {}).get("editable") else ""
    return f"pip install {editable}{shlex.quote(wanted)}"
