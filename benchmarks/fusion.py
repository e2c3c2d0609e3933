"""How much should functionals count beside hidden states of a pretrained encoder?

    python -m benchmarks.fusion --corpus emodb=/data/emodb --corpus casia=/data/casia \\
        --corpus ravdess=/data/ravdess --encoder openai/whisper-tiny.en --out results/fusion/records.jsonl

Every corpus is halved by speaker; a network is trained on one half and predicts the other, without adaptation,
with several lengths of the functionals' block relative to that of the hidden states
(:data:`didan.features.fusion.LENGTHS`). No second corpus is there, so what is chosen by these figures is chosen
without the labels of any target. Records are appended; the same command continues where it was.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.study import continue_study, parser, read_corpora
from didan.benchmark.record_fields import per_speaker
from didan.corpora import Corpus
from didan.evaluation import evaluate
from didan.features import FeatureSet, scaled_blocks
from didan.model.config import make_config
from didan.training.data import load_data
from didan.training.pair import hold_out
from didan.training.task import make_task
from didan.training.train import fit_model

LENGTHS = (0.25, 0.4, 0.6, 1.0, 2.5)


def half(corpus: Corpus, number: int) -> Corpus:
    """Every other speaker, from the first or the second on."""
    speakers = sorted(corpus.table["speaker"].unique())[number::2]
    kept = corpus.table[corpus.table["speaker"].isin(speakers)].reset_index(drop=True)
    return replace(corpus, name=f"{corpus.name}-{number}", table=kept)


def with_length(features: FeatureSet, length: float) -> FeatureSet:
    """Features whose first block is that long where the second has a length of 1."""
    domains = tuple(
        replace(domain, blocks=scaled_blocks([block.width for block in domain.blocks], [length, 1]))
        for domain in features.domains
    )
    return replace(features, domains=domains)


def measure(run: dict[str, Any], corpus: Corpus, encoder: str, cache: Path) -> dict[str, Any]:
    """Train on one half of a corpus and evaluate on the other, as predicted."""
    config = make_config(
        "source-only",
        "functionals+pretrained",
        run["seed"],
        assignments=[f"frontend.model={encoder}"],
        group=run["group"],
    )
    source, target = half(corpus, run["half"]), half(corpus, 1 - run["half"])
    data = load_data(make_task([source], target, None, group=run["group"]), config, cache)
    data = replace(
        data, source=with_length(data.source, run["length"]), target=with_length(data.target, run["length"])
    )
    model = fit_model(data, config, hold_out(data.labels, config.optimisation.validation, config.seed))
    evaluation = evaluate(model, target, cache=cache)
    return {
        **run,
        "selection": model.record["selection"],
        "uar": evaluation.uar,
        "speakers": per_speaker(evaluation.utterances, evaluation.emotions),
        "versions": model.record["versions"],
    }


def runs(names: list[str], seeds: int) -> Iterator[dict[str, Any]]:
    """All trainings, the first seeds first."""
    for seed, group, length, name, number in product(range(seeds), ("speaker", "none"), LENGTHS, names, (0, 1)):
        yield {"corpus": name, "half": number, "group": group, "length": length, "seed": seed}


def main() -> None:
    command = parser(__doc__, seeds=2)
    command.add_argument("--encoder", required=True, help="frontend.model")
    arguments = command.parse_args()
    corpora = read_corpora(arguments)
    continue_study(
        arguments,
        runs(list(corpora), arguments.seeds),
        lambda run: measure(run, corpora[run["corpus"]], arguments.encoder, arguments.cache),
    )


if __name__ == "__main__":
    main()
