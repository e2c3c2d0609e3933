"""The card of a model: what it is, what it was made of, how well it does, and what it must not be used for."""

import jinja2
import numpy as np

from didan.corpora.emotions import class_indices
from didan.corpora.known import known_readers
from didan.corpora.leakage import in_hindsight
from didan.features import SpectrogramSettings, parts_of
from didan.features.encoders.trained_on import heard_in_training
from didan.metrics import chance, recalls, uar_interval, unweighted_average_recall
from didan.model.trained import TrainedModel


def model_card(model: TrainedModel) -> str:
    """The card in Markdown, with the header that the Hugging Face Hub reads.

    Figures are those of the source utterances held out of training, which are there for every model, and of the
    evaluations added with ``didan evaluate --card``.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("didan.model", "."),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["chance"] = chance
    record = model.record
    return environment.get_template("card.md.j2").render(
        model=model,
        sources=record.get("sources", []),
        target=record.get("target", "unknown"),
        n_target=record.get("n_target"),
        selection=in_hindsight(record.get("selection", "unknown"), record.get("target", "unknown")),
        mood=record.get("mood"),
        lines=record.get("lines", {}),
        adaptation=record.get("adaptation"),
        corpora=_corpora(model),
        remarks=record.get("remarks", []),
        has_frames=any(isinstance(part, SpectrogramSettings) for part in parts_of(model.config.frontend)),
        held_out=_held_out(model),
        evaluations=record.get("evaluations", {}),
        leakage=record.get("leakage", {}),
        encoders=record.get("encoders", []),
        heard=heard_in_training(
            [encoder["model"] for encoder in record.get("encoders", [])],
            [*record.get("sources", []), str(record.get("target")), *record.get("evaluations", {})],
        ),
        versions=record.get("versions", {}),
        hardware=record.get("hardware", {}),
    )


def _corpora(model: TrainedModel) -> list[dict[str, object]]:
    """The corpora learnt from, with the licence of those that are known."""
    known = known_readers()
    rows: list[dict[str, object]] = []
    for name, table in model.source_index.table.groupby("corpus", sort=False):
        reader = known.get(str(name))
        rows.append(
            {
                "name": reader.title if reader else name,
                "language": reader.language if reader else "not known",
                "utterances": len(table),
                "speakers": table["speaker"].nunique() or "not known",
                "licence": reader.licence if reader else "not known; ask whoever made the corpus",
            }
        )
    return rows


def _held_out(model: TrainedModel) -> dict[str, object] | None:
    """UAR on the source utterances that were not trained on, with its interval."""
    table = model.source_index.table
    chosen = table["validation"].to_numpy(dtype=bool)
    if not chosen.any() or not model.source_index.embeddings:
        return None
    labels = class_indices(table[chosen], model.emotions)
    predicted = model.source_index.embeddings["output"].numpy()[chosen].argmax(axis=1).astype(np.int64)
    low, high = uar_interval(labels, predicted, None)
    return {
        "n": int(chosen.sum()),
        "uar": unweighted_average_recall(labels, predicted),
        "low": low,
        "high": high,
        "recall": recalls(labels, predicted, len(model.emotions)),
    }
