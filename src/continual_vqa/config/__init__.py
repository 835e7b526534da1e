"""The configuration: one small model per block; `load` refuses every mistake at once."""
