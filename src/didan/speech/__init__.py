"""Where in a recording somebody speaks, and the segments a long recording falls into."""

from didan.speech.activity import FRAME_SECONDS, SpeechActivity
from didan.speech.segments import WHOLE_SECONDS, Segment, segment_at_pauses, sliding_windows, split_at_pauses

__all__ = [
    "FRAME_SECONDS",
    "WHOLE_SECONDS",
    "Segment",
    "SpeechActivity",
    "segment_at_pauses",
    "sliding_windows",
    "split_at_pauses",
]
