"""`python -m tests.chaos`: run a campaign against a failing service and report differences."""

from __future__ import annotations

import argparse
import logging
import sys

from tests.chaos import campaign


def main() -> None:
    """Run one campaign; exit with 1 if anything differs from what was reported."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="what happens, by chance [1]")
    parser.add_argument(
        "--size", type=int, default=5000, help="writes, a fourth of the reads [5000]"
    )
    parser.add_argument(
        "--data",
        default=":memory:",
        help="where the sandbox stores its data: memory, a new file, or an empty database of "
        "PostgreSQL [%(default)s]",
    )
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # thousands of faults would log a line each
    report = campaign.run(options.seed, options.size, 4 * options.size, data=options.data)
    print(report)
    sys.exit(not report.is_clean)


if __name__ == "__main__":
    main()
