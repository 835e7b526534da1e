"""Continual visual question answering: masking, merging and adapters compared in one workflow."""

__version__ = "0.1.0"
