"""Features as a table with named columns, for anybody's own work."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import pandas as pd
from pydantic import ValidationError

from didan.audio import Utterance, audio_info
from didan.errors import OnDamaged, UserError, suggest
from didan.features.cache import default_cache
from didan.features.extraction import extract_utterances
from didan.features.frontend import build_frontend
from didan.features.functionals import FunctionalsSettings, Part
from didan.typing import Progress


def feature_table(
    utterances: Sequence[Utterance],
    *,
    parts: Sequence[str] | None = None,
    cache: str | Path | None = None,
    ray: str | None = None,
    progress: Progress | None = None,
    on_damaged: OnDamaged | None = None,
) -> pd.DataFrame:
    """The functionals of utterances, before normalisation.

    Args:
        utterances: whole files or parts of files.
        parts: of the functionals, see :class:`didan.features.FunctionalsSettings`; the default ones if None.
        cache: folder for features; the user's cache folder if None.
        ray: address of a Ray cluster to compute them on, see :func:`didan.features.extract`.
        progress: called after every utterance.
        on_damaged: called with the reason for an utterance that cannot be read or is silent, which is then left
            out; if None such utterances are an error.

    Returns:
        A row per utterance, a named column per functional, in single precision. The index has the levels ``file``,
        ``start`` and ``end`` (times from the beginning of the file; the end of a whole file is its length), as
        those of audinterface and opensmile have.

    Raises:
        UserError: no utterance, or an unknown part; see also :func:`didan.features.extract`.
    """
    if not utterances:
        raise UserError("no audio to compute features of")
    settings = FunctionalsSettings() if parts is None else _settings(parts)
    cache = Path(cache or default_cache())
    extracted = extract_utterances(utterances, settings, cache, ray=ray, progress=progress, on_damaged=on_damaged)
    utterances = [utterances[row] for row in extracted.rows]
    starts = [0.0 if one.start != one.start else one.start for one in utterances]
    ends = [audio_info(one.file).seconds if one.end != one.end else one.end for one in utterances]
    index = pd.MultiIndex.from_arrays(
        [
            [str(one.file) for one in utterances],
            pd.to_timedelta(starts, unit="s"),
            pd.to_timedelta(ends, unit="s"),
        ],
        names=["file", "start", "end"],
    )
    values = [extracted.features[row][0] for row in range(len(utterances))]
    return pd.DataFrame(values, index=index, columns=list(build_frontend(settings).feature_names))


def _settings(parts: Sequence[str]) -> FunctionalsSettings:
    known = get_args(Part)
    for part in parts:
        if part not in known:
            raise UserError(f"functionals have no part {part!r}: {suggest(part, known)}")
    try:
        return FunctionalsSettings.model_validate({"parts": tuple(parts)})
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise UserError(f"parts of the functionals: {reason} (given: {', '.join(parts)})") from None
