"""`python -m tests.benchmarks [load|page|scale|memory|…]`: measure speed and memory."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable, Iterator

from tests.benchmarks import (
    archives,
    command_line,
    exchanges,
    limits,
    listening,
    loading,
    objects,
    opening,
    processes,
    report,
)
from tests.benchmarks.measuring import Row, save
from tests.benchmarks.report import JSON, screen

PARTS: dict[str, Callable[[], Iterator[Row]]] = {
    "load": loading.lists,
    "page": loading.pages,
    "subclass": loading.subclasses,
    "scale": loading.scale,
    "memory": loading.memory,
    "find": objects.find,
    "attributes": objects.attributes,
    "hooks": listening.unused,
    "import": processes.imports,
    "cold": processes.cold_start,
    "call": exchanges.calls,
    "split": exchanges.split,
    "latency": exchanges.latency,
    "save": exchanges.saves,
    "notes": exchanges.all_notes,
    "sandbox": processes.sandbox,
    "limits": limits.rate,
    "archive": archives.size,
    "command": command_line.command_line,
}


def main() -> None:
    """Measure the groups given on the command line, or all, and update the documentation."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("part", nargs="*", metavar="part", help=", ".join(PARTS))
    wanted = parser.parse_args().part or list(PARTS)
    unknown = set(wanted) - set(PARTS)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}: there are {', '.join(PARTS)}")
    print(f"Python {platform.python_version()}; medians, and the ratio to the first contender")
    rows: list[Row] = []
    for name in wanted:
        for row in PARTS[name]():
            rows.append(row)
            print("\n".join(["", *screen(row)]), flush=True)
    noisy = [row.name for row in rows if row.is_noisy]
    if noisy:
        print(f"\nToo noisy a machine to be believed, measure again: {'; '.join(noisy)}.")
    missed = [row.name for row in rows if row.is_missed]
    if missed:
        print(f"\nAbove the goal: {'; '.join(missed)}.")
    if wanted == list(PARTS):
        save(rows, JSON)
        report.document(rows, JSON)
        opening.document(rows, JSON)
        print(f"\nWritten into {JSON.parent}.")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
