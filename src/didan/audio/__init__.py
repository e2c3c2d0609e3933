"""Recordings: found in folders, decoded, and read as mono samples at the rate we work at."""

from didan.audio.folders import AUDIO_SUFFIXES, find_audio
from didan.audio.reading import (
    LOUDEST,
    MIN_SECONDS,
    RATE,
    AudioInfo,
    Utterance,
    audio_info,
    read_audio,
    stream_audio,
)

__all__ = [
    "AUDIO_SUFFIXES",
    "LOUDEST",
    "MIN_SECONDS",
    "RATE",
    "AudioInfo",
    "Utterance",
    "audio_info",
    "find_audio",
    "read_audio",
    "stream_audio",
]
