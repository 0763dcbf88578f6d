"""No two accounts have names that people take for the same, and addresses do not join users.

Names that differed only in letter case, white space or dots are numbered, and so are the addresses
that were made from them. Users of several accounts are one person only if they were given the same
address.
"""

import logging
import unicodedata
from collections import defaultdict
from itertools import chain, count
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

LONGEST = 190  # characters of a name that is numbered

log = logging.getLogger("backpack_orm.sandbox")


def upgrade() -> None:
    """Add the columns `normal_name` of accounts and `person` of users, and fill them."""
    normal_name = sa.Column("normal_name", sa.String, nullable=False, server_default="")
    op.add_column("accounts", normal_name)
    op.add_column("users", sa.Column("person", sa.String))
    accounts = _execute("SELECT key, name FROM accounts ORDER BY key").all()
    taken, seen = {_normal(name) for _, name in accounts}, {""}
    for key, old in accounts:
        new = old
        if _normal(old) in seen:
            new = next(name for name in _numbered(old) if _normal(name) not in taken)
            log.warning("the account %r is named %r now: the name was not unique", old, new)
        taken.add(_normal(new))
        seen.add(_normal(new))
        _execute(
            "UPDATE accounts SET name = :name, normal_name = :normal WHERE key = :account",
            name=new,
            normal=_normal(new),
            account=key,
        )
        _separate_users(key, old, new)
    _report_persons()
    op.create_index("ix_accounts_normal_name", "accounts", ["normal_name"], unique=True)
    op.create_index("ix_users_person", "users", ["person"])


def _numbered(name: str) -> Any:
    return (f"{name[:LONGEST].strip(' .') or 'account'} {number}" for number in count(2))


def _separate_users(account: int, old: str, new: str) -> None:
    """Note the addresses that users were given, and renew those made from the account's name."""
    made = f"@{'.'.join(old.lower().split())}.example"
    users = _execute(
        "SELECT key, email_address FROM users WHERE account_key = :account ORDER BY key",
        account=account,
    ).all()
    taken = {address.casefold() for _, address in users}
    for key, address in users:
        if not address.lower().endswith(made):
            _execute(
                "UPDATE users SET person = :person WHERE key = :key",
                person=address.casefold(),
                key=key,
            )
        elif new != old:
            local, host = address[: -len(made)], f"@{_normal(new)}.example"
            tried = chain([local + host], (f"{local}.{number}{host}" for number in count(2)))
            renewed = next(one for one in tried if one.casefold() not in taken)
            taken.add(renewed.casefold())
            _execute("UPDATE users SET email_address = :new WHERE key = :key", new=renewed, key=key)
            _execute(
                "UPDATE friends SET email_address = :new WHERE email_address = :old AND page_key "
                "IN (SELECT key FROM pages WHERE account_key = :account)",
                new=renewed.casefold(),
                old=address.casefold(),
                account=account,
            )


def _report_persons() -> None:
    """Log which users are no longer one person: an address of them was made from a name."""
    users = _execute(
        "SELECT users.email_address, users.person, users.name, accounts.name FROM users "
        "JOIN accounts ON accounts.key = users.account_key ORDER BY users.key"
    )
    same = defaultdict(list)
    for address, person, name, account in users:
        same[address.casefold()].append((person, f"{name} of {account}"))
    for address, people in same.items():
        if len(people) > 1 and None in {person for person, _ in people}:
            names = ", ".join(name for _, name in people)
            log.warning("users with the address %s are no longer one person: %s", address, names)


def _execute(statement: str, **parameters: object) -> Any:
    return op.get_bind().execute(sa.text(statement), parameters)


def _normal(name: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    invisible = ("Cc", "Cf", "Zl", "Zp", "Zs")
    return "".join(
        char
        for char in folded
        if char not in ".\u3002" and unicodedata.category(char) not in invisible
    )
