"""Writes the conversions of the cases, to be reviewed before they are committed.

python -m tests.text.record
"""

from __future__ import annotations

from pathlib import Path

from backpack_orm.text import parse

CASES = Path(__file__).with_name("cases")
FORMS = ("html", "md", "txt")


def source(name: str) -> str:
    """Return the text of a case; it may contain surrogates."""
    return (CASES / f"{name}.textile").read_bytes().decode("utf-8", "surrogatepass")


def converted(text: str) -> dict[str, str]:
    """Return the three forms of a text, as the files contain them."""
    document = parse(text)
    forms = (document.html(), document.markdown(), document.plain())
    return {form: f"{written}\n" for form, written in zip(FORMS, forms, strict=True)}


def names() -> list[str]:
    """Return the names of all cases."""
    return sorted(path.stem for path in CASES.glob("*.textile"))


if __name__ == "__main__":
    for name in names():
        for form, written in converted(source(name)).items():
            (CASES / f"{name}.{form}").write_bytes(written.encode())
