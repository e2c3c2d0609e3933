"""A model as one graph of tensor operations, which can be exported."""

from didan.inference.graph.graph import Graph

__all__ = ["Graph"]
