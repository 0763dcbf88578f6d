"""Values as YAML that every parser reads back equal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BREAKS = frozenset("\r\x85\u2028\u2029\ufeff")
"""What only quoted texts with escapes keep: other styles take it for a line break, or drop it."""


def to_yaml(values: Mapping[str, Any]) -> str:
    """Return values as YAML in the order of their names, with each text in one line.

    Raises:
        ImportError: The extra `archive` is not installed.

    >>> print(to_yaml({"title": "a: b", "tags": ["yes", "Long weekends"]}), end="")
    title: 'a: b'
    tags:
    - 'yes'
    - Long weekends
    """
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes texts with unusual line breaks as escapes."""

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = None if _BREAKS.isdisjoint(value) else '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    dumped: str = yaml.dump(
        dict(values), Dumper=Dumper, allow_unicode=True, sort_keys=False, width=float("inf")
    )
    return dumped
