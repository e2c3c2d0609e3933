"""Recordings: found in folders, decoded, and read as mono samples at the rate we work at."""

from didan.audio.folders import AUDIO_SUFFIXES, find_audio
from didan.audio.reading import (
    LOUDEST,
    MIN_SECONDS,
    RATE,
    AudioInfo,
    Utterance,
    audio_info,
    by_channel,
    channel_group,
    channels_in,
    read_audio,
    silent_error,
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
    "by_channel",
    "channel_group",
    "channels_in",
    "find_audio",
    "read_audio",
    "silent_error",
    "stream_audio",
]
