"""The schema of what the adapters of a bank do."""

from __future__ import annotations

import pyarrow as pa

# One row per residual branch and adapter, where `other` is null, and per branch and pair.
BANK_USE = pa.schema(
    [
        pa.field("place", pa.string()),  # the branch's name within the names of parameters
        pa.field("stack", pa.string()),  # the stack of layers, e.g. encoder; "": not said
        pa.field("layer", pa.int32()),  # in its stack, from 1; 0: not said
        pa.field("kind", pa.string()),  # attention or feed-forward; "": not said
        pa.field("adapter", pa.int32()),  # the task whose adapter it is, from 1
        pa.field("other", pa.int32()),  # of a pair: the later adapter
        pa.field("count", pa.int64()),  # weights, or tokens of a pair
        pa.field("weight", pa.float64()),  # mean of the adapter's weight alpha; null for a pair
        pa.field("deviation", pa.float64()),  # its standard deviation; null for a pair
        pa.field("cosine", pa.float64()),  # mean over tokens of the cosine of both changes
        pa.field("cka", pa.float64()),  # linear CKA of both changes; as cosine NaN: not defined
    ]
)
