"""Make ``base``, the model that ships with didan, and measure it.

    python -m benchmarks.base --corpus emodb=/data/emodb --corpus casia=/data/casia \\
        --corpus ravdess=/data/ravdess --out src/didan/model/shipped/base

The first corpus is learnt from, with the default settings and without adaptation. The others are what it is
evaluated on, as ``didan evaluate`` does it, and adapted to first, as ``didan adapt`` does it; and once more by
telephone, by another one than that by which the model includes its source. The model is written as small as it
goes: weights in half precision, features of its source in bytes, in place of embeddings. To repeat it gives the
same files to the last bit.
"""

import argparse
import shutil
import warnings
from dataclasses import replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmarks.conditions import telephone
from didan.corpora import Corpus, read_corpus
from didan.errors import DidanWarning
from didan.evaluation import evaluate
from didan.features import default_cache
from didan.model.config import make_config
from didan.model.directory import load, note_evaluation, write
from didan.model.hub import without_paths
from didan.model.source import source_set
from didan.model.trained import CarriedFeatures, TrainedModel
from didan.training.adapt import adapt, adapting_config
from didan.training.carried import carry
from didan.training.train import train

GROUPS = {"speaker": "", "none": ", speakers unknown"}
REMARKS = (
    "EmoDB: F. Burkhardt, A. Paeschke, M. Rolfes, W. Sendlmeier and B. Weiss, *A database of German emotional "
    "speech*, Interspeech 2005; CC BY 4.0. What is included of it are functionals, of which speech cannot be "
    "rebuilt.",
    "It includes the same speech by the line of a simulated telephone (what 8 kHz, G.711 and noise 15 dB below "
    "the speech leave of bands and add of noise), and hears it when it is adapted to recordings like calls.",
    "Every utterance it has learnt from is 2.00 s of acted German, cut or padded to that length. Adapt it to your "
    "recordings, `didan adapt base FOLDER --out mine`, before you use it on them.",
)
OTHER_TELEPHONE = 1
"""The draw of the line by which it is evaluated."""
_OF_A_RUN = ("seconds", "peak_memory_mb", "hardware")
_EVERY = 10  # steps of the history that are kept: there is little room


def base(corpus: Corpus, cache: Path) -> TrainedModel:
    """A model of one corpus, which is its own target: there is nothing else to take the statistics of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DidanWarning)  # that source and target are the same recordings
        model = train(
            corpus,
            corpus.unlabelled(),
            config=make_config("source-only"),
            include_source_features=True,
            cache=cache,
        )
    model.source_index = replace(model.source_index, carried=by_telephone(model, corpus, cache))
    record = {key: value for key, value in model.record.items() if key not in _OF_A_RUN}
    # What source and target share says nothing where they are one corpus.
    leakage = {key: value if key == "labels_read" else [] for key, value in record["leakage"].items()}
    model.record = record | {"leakage": leakage, "remarks": list(REMARKS)}
    model.history = model.history.iloc[::_EVERY]
    return without_paths(model)


def by_telephone(model: TrainedModel, corpus: Corpus, cache: Path) -> CarriedFeatures:
    """Its source by the first telephone of :mod:`benchmarks.conditions`, as training for calls would hear it."""
    assert model.source_index.features is not None
    source = source_set(model, model.source_index.features)
    with TemporaryDirectory() as folder:
        calls = telephone(corpus, 0, Path(folder, corpus.name)).heard.unlabelled()
        carried = carry([corpus.unlabelled()], source, calls, make_config("didan"), cache)
    if carried is None:
        raise SystemExit(f"{corpus.name} sounds no better than a telephone")
    return carried.packed()


def measure(model: TrainedModel, folder: Path, corpora: list[Corpus], cache: Path) -> None:
    """Evaluate it on other corpora, as it is and adapted, and note that in its card."""
    with TemporaryDirectory() as audio:
        by_line = [telephone(corpus, OTHER_TELEPHONE, Path(audio, corpus.name)).evaluated for corpus in corpora]
        for how, evaluated in (("", corpora), (" by telephone", by_line)):
            for corpus, (group, words) in product(evaluated, GROUPS.items()):
                found = evaluate(model, corpus, group=group, cache=cache)
                note_evaluation(model, folder, f"{corpus.name}{how}{words}", found.as_dict())
            for corpus, (group, words) in product(evaluated, GROUPS.items()):
                config = adapting_config(model, group=group)
                adapted, _ = adapt(model, corpus.unlabelled(), config=config, cache=cache)
                found = evaluate(adapted, corpus, cache=cache)
                note_evaluation(model, folder, f"{corpus.name}{how}, adapted to it{words}", found.as_dict())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", action="append", required=True, help="name=folder; the first is learnt from")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=default_cache())
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    source, *others = map(read_corpus, arguments.corpus)
    made = base(source, arguments.cache)
    shutil.rmtree(arguments.out, ignore_errors=True)
    arguments.out.mkdir(parents=True)
    write(made, arguments.out, compact=True)
    measure(load(arguments.out), arguments.out, others, arguments.cache)


if __name__ == "__main__":
    main()
