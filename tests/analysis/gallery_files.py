"""A folder of made-up figures and tables, and the list of them that a gallery is made from."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

HOSTILE = "<script>alert('1')</script> & \"b\" | {{ c }}"
TABLE = (
    f"| recipe | AP (%) |\n| --- | ---: |\n| {HOSTILE.replace('|', chr(92) + '|')} | 1 |\n\nNote.\n"
)


def drawing(folder: Path, name: str, recipe: str = "") -> dict[str, str]:
    png, pdf = (folder / "figures" / "published" / f"{name}.{kind}" for kind in ("png", "pdf"))
    png.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (33, 22)).save(png)
    pdf.write_bytes(b"%PDF")
    return {"stream": "published", "recipe": recipe, "png": str(png), "pdf": str(pdf)}


def table(folder: Path, name: str) -> dict[str, str]:
    files = {kind: folder / "tables" / f"{name}.{kind}" for kind in ("csv", "md", "tex")}
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    for path in files.values():
        path.write_text(TABLE)
    return {kind: str(path) for kind, path in files.items()}


def contents(folder: Path) -> dict[str, list]:
    return {
        "figures": [
            {
                "category": "Accuracy",
                "caption": "**Accuracy matrix.** Row *i* is <b>.",
                "drawings": [drawing(folder, f"matrix-{r}", r) for r in ("sequential", "ewc")],
            },
            {
                "category": "Novel compositions",
                "caption": f"**{HOSTILE}.** {HOSTILE}",
                "drawings": [drawing(folder, "odd name: 50% #1?")],
            },
        ],
        "tables": [
            {"category": "Accuracy", "caption": "**Main table.** AP.", **table(folder, "main")},
            {"category": HOSTILE, "caption": "Bare.", **table(folder, "other")},
        ],
    }
