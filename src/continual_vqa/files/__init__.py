"""Files: atomic writes, JSON, Parquet and safetensors, each refused clearly when damaged."""
