"""pyarrow.compute makes its functions at run time; nothing can be said of them statically."""

from typing import Any

def __getattr__(name: str) -> Any: ...
