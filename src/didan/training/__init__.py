"""Training: a task and a configuration become a model."""

from didan.training.config import Config, make_config

__all__ = ["Config", "make_config"]
