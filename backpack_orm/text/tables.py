"""Tables as a grid, for forms in which no cell spans several rows or columns."""

from __future__ import annotations

from backpack_orm.text.tree import SECTIONS, Element


def caption(table: Element) -> Element | None:
    """Return the caption of a table, or None."""
    parts = [part for part in table.children if isinstance(part, Element)]
    return next((part for part in parts if part.tag == "caption"), None)


def grid(table: Element) -> list[list[Element]]:
    """Return the cells of each row; empty ones stand where a cell spans, or is missing.

    Each row has at least one, also if no row of the table has a cell.

    >>> from backpack_orm.text.tree import parse_html
    >>> rows = "<tr><td rowspan=2>a</td><td>b</td></tr><tr><td>c</td></tr>"
    >>> table = parse_html(f"<table>{rows}</table>")
    >>> [[cell.text() for cell in row] for row in grid(table.children[0])]
    [['a', 'b'], ['', 'c']]
    """
    rows = _rows(table)
    width = max(1, *(len(row.children) for row in rows)) if rows else 0
    below: dict[int, int] = {}  # how many rows are still to be skipped, by column
    return [_row(row, width, below) for row in rows]


def _rows(table: Element) -> list[Element]:
    rows: list[Element] = []
    for part in table.children:
        if isinstance(part, Element) and part.tag in SECTIONS:
            rows += [row for row in part.children if isinstance(row, Element)]
        elif isinstance(part, Element) and part.tag == "tr":
            rows.append(part)
    return rows


def _row(row: Element, width: int, below: dict[int, int]) -> list[Element]:
    cells: list[Element] = []
    waiting = [cell for cell in row.children if isinstance(cell, Element)]
    while len(cells) < width:
        if below.get(len(cells), 0):
            below[len(cells)] -= 1
            cells.append(Element("td"))
        elif waiting:
            cell = waiting.pop(0)
            columns = min(int(cell.attributes.get("colspan", "1")), width - len(cells))
            rows = int(cell.attributes.get("rowspan", "1"))
            below |= {len(cells) + place: rows - 1 for place in range(columns)}
            cells += [cell, *(Element(cell.tag) for _ in range(columns - 1))]
        else:
            cells.append(Element("td"))
    return cells + waiting
