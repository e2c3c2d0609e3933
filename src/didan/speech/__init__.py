"""Where in a recording somebody speaks, and the utterances a long recording falls into."""

from didan.speech.activity import FRAME_SECONDS, SpeechActivity
from didan.speech.segments import WHOLE_SECONDS, Piece, cut_at_pauses, cut_windows, whole_or_cut

__all__ = [
    "FRAME_SECONDS",
    "WHOLE_SECONDS",
    "Piece",
    "SpeechActivity",
    "cut_at_pauses",
    "cut_windows",
    "whole_or_cut",
]
