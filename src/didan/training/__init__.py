"""Training: a task and a configuration become a model."""

from didan.model.config import Config, make_config

__all__ = ["Config", "make_config"]
