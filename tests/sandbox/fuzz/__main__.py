"""`python -m tests.sandbox.fuzz`: send odd requests to a sandbox until the time is up."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack
from itertools import count

from backpack_orm.sandbox import Sandbox
from tests import postgresql
from tests.sandbox.fuzz import odd

REQUESTS = 1_000
"""Requests to each account; they destroy what it contains."""


def main() -> None:
    """Send requests for some seconds; exit with 1 at the first that is an internal error."""
    parser = argparse.ArgumentParser(prog="python -m tests.sandbox.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120, help="how long [120]")
    parser.add_argument("--seed", type=int, default=1, help="which requests [1]")
    parser.add_argument("--postgresql", action="store_true", help="store the data in PostgreSQL")
    options = parser.parse_args()
    end, number = time.monotonic() + options.seconds, 0
    with ExitStack() as stack:
        data = ":memory:"
        if options.postgresql:
            data = stack.enter_context(postgresql.running()).format("postgres")
        box = stack.enter_context(Sandbox(seed="empty", data=data))
        log = stack.enter_context(odd.watching())
        for seed in count(options.seed):
            token = box.add_account(f"fuzz-{seed}", seed="demo")
            for request, _ in zip(odd.requests(seed, token), range(REQUESTS), strict=False):
                if time.monotonic() >= end:
                    print(f"{number:,} requests, no internal error")
                    return
                if fault := odd.fault_of(box.url, request, log):
                    print(f"seed {seed}, after {number:,} requests, {request}: {fault}")
                    sys.exit(1)
                number += 1


if __name__ == "__main__":
    main()
