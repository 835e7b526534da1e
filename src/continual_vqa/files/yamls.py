"""Reading YAML that others wrote: plain values only, bounded in size, depth and what aliases make.

No tag makes an object of Python's. Refused as well: keys given twice, of which one would be lost,
and values that only YAML takes for numbers or dates and that are none.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml

from continual_vqa.errors import UserError
from continual_vqa.files.reading import read_file

# The largest shipped file has 15 kB; PyYAML reads some 100 kB a second. Choices of this project.
MAX_BYTES = 1 << 20
MAX_DEPTH = 32
# Values in a document when every alias stands for a copy of what it names.
MAX_VALUES = 100_000
# Characters of a number. Those of base 60, in 1 MB, would take hours.
_LONGEST_NUMBER = 40
# What PyYAML raises for values that are not what their tag says, beside YAMLError.
_ODD_VALUES = (ValueError, KeyError, AttributeError, TypeError, OverflowError)
_ADVICE = "write it without tags and aliases, or quote the value"


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, with limits."""

    merged = 0

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """The mapping of a node; its own keys must differ."""
        if isinstance(node, yaml.MappingNode) and not hasattr(node, "checked"):
            node.checked = True  # pyright: ignore[reportAttributeAccessIssue]
            self._refuse_repeats(node)
        return super().construct_mapping(node, deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Put merged keys into a node, as long as they stay few."""
        super().flatten_mapping(node)
        # Lists of merges of merges grow by powers.
        self.merged += len(node.value)
        if self.merged > MAX_VALUES:
            raise _constructor_error(f"makes more than {MAX_VALUES:,} keys by merging", node)

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        """A number of few characters."""
        if len(node.value) > _LONGEST_NUMBER:
            raise _constructor_error(f"holds a number of {len(node.value):,} characters", node)
        if node.tag.endswith(":int"):
            return self.construct_yaml_int(node)
        return self.construct_yaml_float(node)

    def _refuse_repeats(self, node: yaml.MappingNode) -> None:
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                name = (key.tag, key.value)
                if name in seen:
                    raise _constructor_error(f"names the key {key.value[:60]!r} twice", key)
                seen.add(name)


for _tag in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _Loader.construct_number)


def read_yaml(path: str | Path) -> Any:
    """The document in `path`; None for an empty one.

    Raises
    ------
    UserError : missing, no YAML (the line is named), or beyond the limits above
    """
    return parse_yaml(read_file(path, MAX_BYTES), path)


def parse_yaml(content: bytes, where: str | Path) -> Any:
    """The document in `content`; see `read_yaml`."""
    try:
        loader = _Loader(content)
        try:
            document = loader.get_single_data()
        finally:
            loader.dispose()
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise UserError(f"is not YAML{place}: {what}", where=where) from None
    except RecursionError:
        raise _deep(where) from None
    except _ODD_VALUES as error:
        raise UserError(
            f"is not YAML: holds a value that is not what it looks like ({error})",
            where=where,
            do=_ADVICE,
        ) from None
    check_size(document, where)
    return document


def check_size(document: object, where: str | Path) -> None:
    """Refuse plain values that are too many or too deep, counting what is there twice twice.

    Raises
    ------
    UserError : more than `MAX_VALUES`, or deeper than `MAX_DEPTH`
    """
    count, waiting = 0, [(document, 1)]
    while waiting:
        value, depth = waiting.pop()
        count += 1
        if depth > MAX_DEPTH:
            raise _deep(where)
        if isinstance(value, Mapping):
            inside = [*value, *value.values()]
        elif isinstance(value, list | tuple | set):
            inside = list(value)
        else:
            continue
        if count + len(waiting) + len(inside) > MAX_VALUES:
            raise UserError(
                f"holds more than {MAX_VALUES:,} values, each alias counted as what it names",
                where=where,
                expected="a file written by hand",
            )
        waiting += [(each, depth + 1) for each in inside]


def _deep(where: str | Path) -> UserError:
    return UserError("is nested too deeply", where=where, expected=f"at most {MAX_DEPTH} levels")


def _constructor_error(what: str, node: yaml.Node) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, what, node.start_mark)
