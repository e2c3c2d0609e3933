"""Inference: a model and audio become predictions."""

from didan.inference.predict import predict

__all__ = ["predict"]
