"""Cells of questions and images as tar shards: writer, index, reader, order, loader.

A *cell* (split, skill, concept group) is a folder of `index.parquet` and `<cell>-00000.tar`, ....

A sample is one image with all the questions that the cell asks about it: `<image id>.jpg`, the
original bytes, and `<image id>.json`. So stock `webdataset.WebDataset` reads a cell by itself, and
an image is stored once per cell instead of once per question (`benchmarks/cooccurrence.py` measures
what that saves, and what storing images once for all cells would save beyond it).
"""
