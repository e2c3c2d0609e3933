"""Encoders that have heard the field's corpora with their labels: a result on those says nothing about transfer.

Encoders trained on plain speech (Whisper, wav2vec 2.0, HuBERT, WavLM, data2vec, w2v-BERT, XLS-R, MMS) are not
here: no emotion corpus with its labels is known to be in their training. The table is what model cards say, as of
November 2026, and lists what transformers can load; emotion2vec+, which it cannot, has heard most of the corpora.
"""

from collections.abc import Iterable
from pathlib import Path

TRAINED_ON: dict[str, tuple[str, ...]] = {
    "AreejB/wav2vec2-xlsr-english-speech-emotion-recognition": ("ravdess",),
    "Dpngtm/wav2vec2-emotion-recognition": ("tess", "cremad", "savee", "ravdess"),
    "audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim": ("msp-podcast",),
    "ehcalabres/wav2vec2-lg-xlsr-en-speech-emotion-recognition": ("ravdess",),
    "firdhokk/speech-emotion-recognition-with-openai-whisper-large-v3": ("ravdess", "savee", "tess", "urdu"),
    "m3hrdadfi/wav2vec2-xlsr-persian-speech-emotion-recognition": ("shemo",),
    "padmalcom/wav2vec2-large-emotion-detection-german": ("emodb",),
    "r-f/wav2vec-english-speech-emotion-recognition": ("savee", "ravdess", "tess"),
    "superb/hubert-base-superb-er": ("iemocap",),
    "superb/hubert-large-superb-er": ("iemocap",),
    "superb/wav2vec2-base-superb-er": ("iemocap",),
}
"""Corpora by the id of the model."""


def heard_in_training(encoders: Iterable[str], corpora: Iterable[str]) -> list[str]:
    """Which of some encoders were trained on which of some corpora, a phrase each.

    Args:
        encoders: ids, or directories, which are known by their last name.
        corpora: names of corpora.

    >>> heard_in_training(["models/wav2vec2-large-emotion-detection-german"], ["casia", "emodb"])
    ['models/wav2vec2-large-emotion-detection-german was trained on emodb']
    """
    by_name = {model.rpartition("/")[2]: heard for model, heard in TRAINED_ON.items()}
    wanted = list(dict.fromkeys(corpora))
    phrases = []
    for encoder in encoders:
        both = [corpus for corpus in wanted if corpus in by_name.get(Path(encoder).name, ())]
        if both:
            phrases.append(f"{encoder} was trained on {' and '.join(both)}")
    return phrases
