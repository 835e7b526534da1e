"""Where the repository keeps its own data files."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
TAXONOMIES = REPOSITORY / "config" / "taxonomies"
PUBLISHED = REPOSITORY / "config" / "published"
SOURCES = REPOSITORY / "config" / "sources.yaml"
