"""What tests of a Django project need: a sandbox as account, and counted requests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from django.test import SimpleTestCase, override_settings

from backpack_orm.integrations.django.connections import DEFAULT
from backpack_orm.plurals import counted
from backpack_orm.sandbox import Sandbox


class BackpackTestMixin(SimpleTestCase):
    """A test case whose accounts are sandboxes of its own.

    Name it before the class of Django: `class PagesTest(BackpackTestMixin, TestCase)`. The
    connections have no rate limiter, since a sandbox enforces limits only with `limits=True`.

    Attributes:
        backpack_accounts: The options of the sandbox of each account by alias.
        backpack: The sandbox of "default".
        backpack_sandboxes: All sandboxes by alias.

    >>> from backpack_orm.integrations.django import connections
    >>> class PagesTest(BackpackTestMixin):
    ...     backpack_accounts = {"default": {"seed": "demo"}}
    ...     def test_pages(self):
    ...         with self.assertNumBackpackRequests(1):
    ...             self.assertEqual(Page.count(using=connections["default"]), 13)
    >>> PagesTest("test_pages").run()
    <unittest.result.TestResult run=1 errors=0 failures=0>
    """

    backpack_accounts: ClassVar[Mapping[str, Mapping[str, Any]]] = {DEFAULT: {"seed": "empty"}}
    backpack: Sandbox
    backpack_sandboxes: dict[str, Sandbox]

    def setUp(self) -> None:
        """Start the sandboxes, and let the setting BACKPACK name them."""
        super().setUp()
        self.backpack_sandboxes = {
            alias: self.enterContext(Sandbox(**options))
            for alias, options in self.backpack_accounts.items()
        }
        self.backpack = self.backpack_sandboxes[DEFAULT]
        setting = {
            alias: {"URL": sandbox.url, "TOKEN": sandbox.token, "LIMITS": None}
            for alias, sandbox in self.backpack_sandboxes.items()
        }
        self.enterContext(override_settings(BACKPACK=setting))

    @contextmanager
    def assertNumBackpackRequests(self, number: int) -> Iterator[None]:  # noqa: N802 - as Django
        """Compare how many requests a block makes to the account of "default".

        >>> class NothingTest(BackpackTestMixin):
        ...     def test_nothing(self):
        ...         with self.assertNumBackpackRequests(0):
        ...             pass
        >>> NothingTest("test_nothing").run()
        <unittest.result.TestResult run=1 errors=0 failures=0>
        """
        before = self.backpack.requests
        yield
        made = self.backpack.requests - before
        log = self.backpack.log[-made:] if made else []
        lines = "\n".join(f"{each.verb} {each.path} {each.status}" for each in log)
        if made != number:
            self.fail(f"{counted(made, 'request')} instead of {number}\n{lines}")
