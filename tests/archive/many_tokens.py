"""Providers of tokens that workers import, for the tests of many accounts."""

from __future__ import annotations

import os


def token_of(name: str) -> str:
    """Return the token of an account in a sandbox: they are made from the names of archives."""
    return f"{os.environ['TOKENS_OF_MANY']}{name}"


def end_for_bad(name: str) -> str:
    """End the worker of the account `bad`, as the kernel does when memory is short."""
    if name == "bad":
        os._exit(1)
    return token_of(name)
