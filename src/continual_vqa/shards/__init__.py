"""Cells of questions and images as tar shards: writer, index, reader, order, loader.

A *cell* (split, skill, concept group) is a folder of `index.parquet` and `<cell>-00000.tar`, ....
A sample is one image with all the questions that the cell asks about it: `<image id>.jpg`, the
original bytes, and `<image id>.json`. Stock `webdataset.WebDataset` reads a cell by itself.

Why so (`benchmarks/cooccurrence.py`, on the real sample): VQA v2 asks 5.4 questions about an image.
Images with five questions in the sample lie in 3.2 to 3.4 cells, those with six in 3.5 to 3.7. So
one sample per question would store an image 5.4 times, one per image and cell about 3.4 times, 37 %
less (train2014: 13 GB of images become some 44 GB, not 71). In GQA, whose groups differ from
question to question, the most asked images have 11 copies in place of 28. Storing images once for
all cells would save another 70 % of disk, but then a cell is no archive of its own: webdataset
could not read it, one changed image would touch every cell, and a job could not be given its cells
alone. Choice of this project: one sample per image and cell.
"""
