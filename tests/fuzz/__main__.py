"""`python -m tests.fuzz`: parse malformed responses until the time is up."""

from __future__ import annotations

import argparse
import sys
import time
import traceback

from tests.fuzz import target


def main() -> None:
    """Parse mutated responses for some seconds; exit with 1 at the first that breaks a parser."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120, help="how long [120]")
    parser.add_argument("--seed", type=int, default=1, help="which responses [1]")
    options = parser.parse_args()
    end = time.monotonic() + options.seconds
    responses = read = 0
    for content in target.endless(options.seed):
        if time.monotonic() >= end:
            break
        try:
            read += bool(target.read_all(content))
        except Exception:
            traceback.print_exc()
            print(f"after {responses:,} responses, by {content!r}")
            sys.exit(1)
        responses += 1
    print(f"{responses:,} responses, {read:,} of them readable in some way, no reader broken")


if __name__ == "__main__":
    main()
