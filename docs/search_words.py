"""The words under which the search of the site lists a document first.

They are words that visitors type, and that the text of the document does not use, or that other
documents use more often.
"""

from __future__ import annotations

import re

WORDS = {
    "backup": ["archive", "backup", "cron", "import", "nightly", "restore", "undo", "verify"],
    "command-line": ["cli", "shell", "terminal"],
    "compatibility": ["deprecation", "macos", "python versions", "type hints", "windows"],
    "connecting": ["api key", "login", "password", "token"],
    "conversions": ["csv", "excel", "export", "html", "ical", "markdown", "print", "sqlite"],
    "errors": ["429", "500", "503", "exceptions", "traceback"],
    "faq": ["encrypt", "faq", "help", "license", "notion", "pdf", "print", "support", "undo"],
    "hooks": ["logging", "metrics", "tracing"],
    "leaving": ["cancel", "close account", "shut down"],
    "limits-and-retries": ["429", "503", "rate limit", "redis", "retry"],
    "mcp": ["ai", "chatgpt", "claude", "llm", "mcp"],
    "notebooks": ["jupyter", "pandas"],
    "old-export": ["backup.xml", "export", "lost notes", "old export", "xml file"],
    "reliability": ["guarantees", "proof", "reliability", "safe", "security", "trust"],
    "reminders": ["timezone", "utc"],
    "signing-in": ["oauth"],
    "start": ["install", "pip"],
    "testing": ["fixtures", "mock", "pytest", "vcr"],
    "writing": ["bulk", "delete", "move", "undo", "update"],
}
_TITLE = re.compile(r"^# ", re.MULTILINE)


def add(text: str, words: list[str]) -> str:
    """Return the text of a document with entries for the index before its title."""
    entries = ", ".join(f"! {word}" for word in words)
    return _TITLE.sub(f"```{{index}} {entries}\n```\n\n# ", text, count=1)
