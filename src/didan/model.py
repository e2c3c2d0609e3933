"""A trained recogniser: what it predicts with, what it was trained on, and its directory on disk."""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
import yaml
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from didan.alignment.regularisers import project_simplex
from didan.corpora import Corpus
from didan.errors import UserError, reason
from didan.frontends import FeatureSet, Statistics
from didan.networks import LAYERS, Output, build_network, run_padded
from didan.training.config import Config

if TYPE_CHECKING:
    from didan.evaluation import Evaluation

_FORMAT = 1
_BATCH = 32


@dataclass(frozen=True)
class Reference:
    """The source utterances as the network sees them: what explanations and re-adaptation draw on.

    Attributes:
        table: columns ``file``, ``start``, ``end``, ``corpus``, ``speaker``, ``emotion``; ``digest`` and
            ``audio``, which tell whether a recording is this one (see :class:`didan.frontends.store.Contents`);
            and ``validation``, whether it was held out of training.
        embeddings: features of each layer, shape (n, width).
    """

    table: pd.DataFrame
    embeddings: dict[str, Tensor]


@dataclass
class Model:
    """A network with everything needed to use it on new recordings.

    Attributes:
        config: all settings.
        emotions: what the network's outputs mean, in order.
        network: see :class:`didan.networks.Network`.
        statistics: of the target's features, which normalise single recordings.
        reference: the source utterances.
        history: one row per training step.
        record: what it was trained on and with: corpora, leakage, selection, versions, hardware, seconds.
    """

    config: Config
    emotions: tuple[str, ...]
    network: nn.Module
    statistics: Statistics
    reference: Reference
    history: pd.DataFrame
    record: dict[str, Any] = field(default_factory=dict)

    def outputs(self, features: FeatureSet) -> Output:
        """Run the network over a set of utterances, whole, in batches of similar length.

        Returns:
            Embeddings and scores in the order of the utterances.
        """
        return network_outputs(self.network, features)

    def probabilities(self, scores: Tensor) -> Tensor:
        """Turn scores into probabilities that sum to 1, shape (n, n_emotions); see :func:`to_probabilities`."""
        return to_probabilities(scores, self.config.optimisation.loss)

    def predict(self, *audio: str | Path) -> pd.DataFrame:
        """Predict the emotion of files or folders; see :func:`didan.inference.predict`."""
        from didan.inference import predict

        return predict(self, [Path(path) for path in audio])

    def evaluate(self, corpus: Corpus, cache: Path | None = None) -> "Evaluation":
        """Compare predictions with a corpus' labels; see :func:`didan.evaluation.evaluate`."""
        from didan.evaluation import evaluate

        return evaluate(self, corpus, cache)

    def save(self, folder: str | Path) -> None:
        """Write the model directory, whole or not at all.

        Raises:
            UserError: the folder exists already, or cannot be written.
        """
        folder = Path(folder)
        if folder.exists():
            raise UserError(f"{folder} exists already; choose another name or delete it")
        partial = folder.with_name(f".{folder.name}.partial")
        try:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            self._write(partial)
            partial.replace(folder)
        except (OSError, SafetensorError) as error:
            raise UserError(f"cannot write {folder} ({reason(error)})") from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _write(self, folder: Path) -> None:
        save_file(
            {name: tensor.contiguous() for name, tensor in self.network.state_dict().items()},
            folder / "model.safetensors",
        )
        content = {
            "format": _FORMAT,
            "emotions": list(self.emotions),
            "config": self.config.model_dump(mode="json"),
            "statistics": {
                "mean": [_exactly(x) for x in self.statistics.mean],
                "deviation": [_exactly(x) for x in self.statistics.deviation],
            },
            "record": self.record,
        }
        (folder / "config.yaml").write_text(
            yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110), encoding="utf-8"
        )
        self.history.to_csv(folder / "history.csv", index=False)
        save_file(self.reference.embeddings, folder / "reference.safetensors")
        self.reference.table.to_csv(folder / "reference.csv", index=False)
        (folder / "model-card.md").write_text(_card(self), encoding="utf-8")


def _exactly(number: np.float32) -> float:
    """The shortest decimal that gives the same float32 when read again."""
    return float(str(number))


def to_probabilities(scores: Tensor, loss: str) -> Tensor:
    """Turn the scores of a network trained with this loss into probabilities that sum to 1, shape (n, n_emotions).

    Regression scores estimate probabilities already; they are moved to the nearest point of the simplex.
    """
    return scores.softmax(dim=1) if loss == "cross-entropy" else project_simplex(scores)


def network_outputs(network: nn.Module, features: FeatureSet) -> Output:
    """Run a network over a set of utterances; see :meth:`Model.outputs`."""
    order = np.argsort([len(features.raw(index)) for index in range(len(features))], kind="stable")
    parts: list[Output] = []
    network.eval()
    for first in range(0, len(order), _BATCH):
        chosen = order[first : first + _BATCH]
        parts.append(
            run_padded(network, [torch.from_numpy(np.asarray(features[int(i)], dtype=np.float32)) for i in chosen])
        )
    back = torch.from_numpy(np.argsort(order))
    embeddings = {layer: torch.cat([part.embeddings[layer] for part in parts]).cpu()[back] for layer in LAYERS}
    return Output(embeddings, torch.cat([part.scores for part in parts]).cpu()[back])


def load(folder: str | Path) -> Model:
    """Load a model directory. Nothing in it is executed: no pickle is read.

    Raises:
        UserError: the folder is missing or is not a model directory.
    """
    folder = Path(folder)
    if not (folder / "config.yaml").is_file():
        what = "holds no model (no config.yaml)" if folder.is_dir() else "does not exist"
        raise UserError(f"model {folder} {what}; give a folder that didan train has written")
    try:
        content = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
        if content["format"] != _FORMAT:
            raise UserError(f"{folder} is a model of format {content['format']}, this didan reads {_FORMAT}")
        config = Config(**content["config"])
        emotions = tuple(content["emotions"])
        statistics = Statistics(
            *(np.array(content["statistics"][key], dtype=np.float32) for key in ("mean", "deviation"))
        )
        network = build_network(config.network_name, len(statistics.mean), len(emotions), config.network.dropout)
        network.load_state_dict(load_file(folder / "model.safetensors"))
        reference = Reference(
            # Speaker 03 stays 03, and a speaker called NA is no gap.
            pd.read_csv(
                folder / "reference.csv",
                dtype=dict.fromkeys(("corpus", "speaker", "digest", "audio"), str),
                keep_default_na=False,
                na_values=[""],
            ),
            load_file(folder / "reference.safetensors"),
        )
        history = pd.read_csv(folder / "history.csv")
        record = content["record"]
    except (
        OSError,
        KeyError,
        TypeError,
        ValueError,
        RuntimeError,
        ValidationError,
        yaml.YAMLError,
        SafetensorError,
    ) as error:
        detail = " ".join(str(error).split())[:200]
        raise UserError(
            f"{folder} is not a complete model directory ({type(error).__name__}: {detail})"
        ) from error
    return Model(config, emotions, network.eval(), statistics, reference, history, record)


def _card(model: Model) -> str:
    record = model.record
    lines = [
        f"# Speech emotion recogniser: {' + '.join(record.get('sources', []))} to {record.get('target', '?')}",
        "",
        f"Method: {model.config.method}. Emotions: {', '.join(model.emotions)}.",
        f"Features: {model.config.frontend.kind}, normalised per {model.config.normalisation}.",
        f"Model selection: {record.get('selection', 'unknown')}.",
        "",
        "Accuracy is not stated here, because the target has no labels that training may read. Measure it with",
        "`didan evaluate` on labelled recordings that resemble yours before you rely on it.",
        "",
        "Emotion recognisers report how speech sounds, not what a person feels. Do not use one to judge people.",
        "",
        "```json",
        json.dumps(record, indent=2, ensure_ascii=False),
        "```",
    ]
    return "\n".join(lines) + "\n"
