"""Repositories on the Hugging Face Hub: their files, from the hub's cache or the hub itself."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from didan.errors import UserError, reason
from didan.extras import require


def could_be_hub_id(name: str) -> bool:
    """Whether it has the form of an id, ``owner/name`` or ``name``.

    >>> could_be_hub_id("openai/whisper-tiny.en"), could_be_hub_id("./openai/whisper")
    (True, False)
    """
    return re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name) is not None and not name.startswith((".", "~"))


@lru_cache(maxsize=16)
def snapshot(
    what: str, name: str, revision: str | None, patterns: tuple[str, ...], *, extra: str, way_out: str
) -> Path:
    """The folder of a repository's files; it is called after the commit. The hub is asked once in a process.

    Args:
        what: a repository is of, for messages: ``encoder``, ``model``.
        name: its id on the hub.
        revision: branch, tag or commit.
        patterns: of the files that are needed; others are not downloaded.
        extra: of didan, that installs the library.
        way_out: what to do where the hub cannot be reached.

    Raises:
        UserError: there is no such repository or revision; the hub cannot be reached and its cache lacks it.
    """
    hub = require("huggingface_hub", extra, f"{what} {name}")
    with _hub_errors(f"{what} {name}", revision, extra, way_out):
        return Path(hub.snapshot_download(name, revision=revision, allow_patterns=list(patterns)))


@contextmanager
def _hub_errors(named: str, revision: str | None, extra: str, way_out: str) -> Iterator[None]:
    errors = require("huggingface_hub.errors", extra, named)
    try:
        yield
    except errors.GatedRepoError:
        raise UserError(f"{named}: the hub wants you to accept its terms and to log in (hf auth login)") from None
    except errors.RevisionNotFoundError:
        raise UserError(f"{named} has no revision {revision!r} on the hub") from None
    except errors.RepositoryNotFoundError:
        raise UserError(f"{named}: neither a directory nor a model on the hub") from None
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled):
        raise UserError(
            f"{named} is not on this machine, and the hub cannot be reached (or HF_HUB_OFFLINE is set); {way_out}"
        ) from None
    except errors.HfHubHTTPError as error:
        detail = " ".join(str(error).split())[:120]
        raise UserError(f"{named}: the hub answers with an error ({detail}); try again, or {way_out}") from None
    except errors.HFValidationError:
        raise UserError(f"{named} is neither a directory nor a possible id of a model on the hub") from None
    except OSError as error:
        raise UserError(f"{named} cannot be downloaded ({reason(error)}); {way_out}") from None
