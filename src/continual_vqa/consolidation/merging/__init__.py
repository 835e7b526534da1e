"""Merging the weights of several tasks into one model: methods, streams and their report."""

from continual_vqa.consolidation.merging.job import MergeJob
from continual_vqa.consolidation.merging.merge import merge_files

__all__ = ["MergeJob", "merge_files"]
