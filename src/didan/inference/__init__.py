"""Inference: recordings become predictions. What needs torch is imported by name from the modules below."""

from didan.inference.recogniser import Recogniser

__all__ = ["Recogniser"]
