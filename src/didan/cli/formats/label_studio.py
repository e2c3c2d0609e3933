"""Tasks of Label Studio with predictions: a region of the audio per label."""

from typing import Any

from didan import __version__
from didan.cli.formats.labels import Labels

FROM_NAME, TO_NAME = "emotion", "audio"
"""What the tags Labels and Audio of the project's labelling interface are called."""


def task(labels: Labels) -> dict[str, Any]:
    """One task; it names the recording as it was named to us."""
    regions = [
        {
            "id": f"didan-{number}",
            "from_name": FROM_NAME,
            "to_name": TO_NAME,
            "type": "labels",
            "origin": "prediction",
            "original_length": round(labels.seconds, 6),
            "score": round(one.confidence, 4),
            "value": {
                "start": round(one.start, 6),
                "end": round(one.end, 6),
                "channel": (one.channel or 1) - 1,
                "labels": [one.emotion],
            },
        }
        for number, one in enumerate(labels.stretches, 1)
    ]
    score = sum(one.confidence for one in labels.stretches) / max(len(labels.stretches), 1)
    prediction = {"model_version": f"didan {__version__}", "score": round(score, 4), "result": regions}
    return {"data": {TO_NAME: labels.file}, "predictions": [prediction]}
