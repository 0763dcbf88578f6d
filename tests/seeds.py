"""How many examples hypothesis tries, and which: the same in every run, or new ones."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

NEW = 20
"""With `--new-seeds`, how many times as many examples are tried."""

_factor = 1
# The time of an example depends on the load of the machine.
_UNHURRIED = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None, print_blob=True
)
settings.register_profile("same", _UNHURRIED, derandomize=True)
settings.register_profile("new", _UNHURRIED, max_examples=NEW * settings().max_examples)
settings.load_profile("same")


def use_new() -> None:
    """Try new examples, and more; to be called before tests are imported."""
    global _factor
    _factor = NEW
    settings.load_profile("new")


def examples(count: int, *suppressed: HealthCheck) -> settings:
    """Return a decorator that sets the number of examples, other than 100."""
    checks = [HealthCheck.too_slow, *suppressed]
    return settings(max_examples=count * _factor, suppress_health_check=checks)
