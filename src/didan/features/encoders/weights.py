"""Where the weights of an encoder are, and what exactly they are: safetensors only, identified by their digest."""

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PureWindowsPath
from typing import Any

from safetensors import SafetensorError, safe_open

from didan.audio import RATE
from didan.errors import UserError, reason
from didan.snapshots import could_be_hub_id, snapshot

_CONFIG, _SETUP = "config.json", "preprocessor_config.json"
_SINGLE, _INDEX = "model.safetensors", "model.safetensors.index.json"
_WAY_OUT = "download it where there is a network and give its directory: --set frontend.model=DIRECTORY"
_PATTERNS = (_CONFIG, _SETUP, "model*.safetensors", _INDEX)

FILES = (_CONFIG, _SETUP, _INDEX, "*.safetensors")
"""What an encoder's directory consists of, as far as it is needed."""


@dataclass(frozen=True)
class Weights:
    """An encoder on disk.

    Attributes:
        name: as the user gave it.
        folder: with ``config.json`` and safetensors.
        revision: commit of the hub's repository, None for a directory.
    """

    name: str
    folder: Path
    revision: str | None

    @cached_property
    def config(self) -> dict[str, Any]:
        """``config.json``.

        Raises:
            UserError: it is missing or broken.
        """
        return _read_json(self.folder / _CONFIG, self.name)

    @cached_property
    def setup(self) -> dict[str, Any]:
        """``preprocessor_config.json``, empty if there is none.

        Raises:
            UserError: it is broken, or asks for another sampling rate than 16 kHz.
        """
        file = self.folder / _SETUP
        setup = _read_json(file, self.name) if file.exists() else {}
        rate = setup.get("sampling_rate", RATE)
        if rate != RATE:
            raise UserError(f"{self.name} takes speech at {rate} Hz; didan works at {RATE} Hz")
        return setup

    @cached_property
    def files(self) -> list[Path]:
        """The safetensors, in order.

        Raises:
            UserError: there are none.
        """
        if (self.folder / _SINGLE).is_file():
            return [self.folder / _SINGLE]
        if (self.folder / _INDEX).is_file():
            named = _read_json(self.folder / _INDEX, self.name).get("weight_map")
            shards = sorted({str(shard) for shard in named.values()}) if isinstance(named, dict) else []
            # A name with a folder in it would lead out of the directory.
            if shards and all(PureWindowsPath(shard).name == shard for shard in shards):
                files = [self.folder / shard for shard in shards]
                if all(file.is_file() for file in files):
                    return files
        pickles = sorted(file.name for file in [*self.folder.glob("*.bin"), *self.folder.glob("*.pt")])
        if pickles:
            raise UserError(
                f"{self.name} has its weights in {pickles[0]}, a pickle, which may hold any program; didan loads "
                "safetensors only: look for a revision that has them (--set frontend.revision=...), or convert it "
                "where you trust it"
            )
        raise UserError(f"{self.name} has no {_SINGLE}, or not all of its parts")

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the safetensors, as the hub shows it; of several, that of their digests in order."""
        digests = [_sha256(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in self.files]
        return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()

    @cached_property
    def setup_sha256(self) -> str:
        """SHA-256 of what else decides about the features: both configurations."""
        return hashlib.sha256(json.dumps([self.config, self.setup], sort_keys=True).encode()).hexdigest()

    @cached_property
    def n_parameters(self) -> int:
        """Of everything in the safetensors; a decoder too.

        Raises:
            UserError: a file is damaged.
        """
        total = 0
        for file in self.files:
            try:
                with safe_open(file, framework="numpy") as tensors:
                    total += sum(math.prod(tensors.get_slice(key).get_shape()) for key in tensors.keys())  # noqa: SIM118
            except (SafetensorError, OSError) as error:
                raise UserError(f"{self.name}: {file.name} is damaged or cut off ({reason(error)})") from None
        return total


@lru_cache(maxsize=64)
def _sha256(file: str, size: int, changed: int) -> str:
    with Path(file).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read_json(file: Path, name: str) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{name} is no directory of an encoder: it has no {file.name}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{name}: cannot read its {file.name} ({reason(error)})") from None
    if not isinstance(content, dict):
        raise UserError(f"{name}: its {file.name} is no table of settings")
    return content


def locate(name: str, revision: str | None = None) -> Weights:
    """Find an encoder: in a directory, in the hub's cache, or on the hub.

    Args:
        name: a directory, or the id of a model on the hub such as ``openai/whisper-tiny.en``.
        revision: branch, tag or commit on the hub; a directory has what it has.

    Raises:
        UserError: there is no such directory or model; the hub cannot be reached and its cache lacks the model.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return Weights(name, folder, revision)
    if not could_be_hub_id(name) or folder.exists():
        raise UserError(
            f"encoder {name} is neither a directory nor the id of a model on the hub, such as owner/name"
        )
    found = snapshot("encoder", name, revision, _PATTERNS, extra="pretrained", way_out=_WAY_OUT)
    return Weights(name, found, found.name)
