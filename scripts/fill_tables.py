"""Puts the tables that a benchmark prints into a document, between its two marks.

    python benchmarks/bench_qsm.py PHANTOMS | python scripts/fill_tables.py docs/measurements/qsm.md
    python benchmarks/bench_qsm.py PHANTOMS --only speed |
      python scripts/fill_tables.py docs/measurements/qsm.md --some

What stood there is replaced, by ``--some`` only the tables of the same titles; the rest of the
document is left alone. The tables are printed too.
"""

from __future__ import annotations

import sys
from pathlib import Path

BEGIN, END = "<!-- tables: begin -->\n", "<!-- tables: end -->\n"


def filled(document: str, tables: str) -> str:
    r"""The document with other tables.

    >>> filled(f"a {BEGIN}old {END}b", "new")
    'a <!-- tables: begin -->\nnew\n<!-- tables: end -->\nb'
    """
    before, rest = document.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}{tables.strip(chr(10))}\n{END}{after}"


def renewed(old: str, new: str) -> str:
    r"""The old tables, with those of ``new`` in the place of their titles, or behind all.

    >>> renewed("### a\n1\n\n### b\n2\n", "### b\n3\n\n### c\n4\n")
    '### a\n1\n\n### b\n3\n\n### c\n4\n'
    """
    tables = _by_title(old) | _by_title(new)
    return "\n\n".join(title + body for title, body in tables.items()) + "\n"


def _by_title(tables: str) -> dict[str, str]:
    parts = [part.strip("\n") for part in ("\n" + tables).split("\n### ")[1:]]
    return {f"### {title}": gap + body for title, gap, body in (p.partition("\n") for p in parts)}


def main() -> None:
    """Read tables from standard input, write them into the document that is named."""
    path = Path(sys.argv[1])
    lines = []
    for line in sys.stdin:
        print(line, end="", flush=True)
        lines.append(line)
    document, tables = path.read_text(), "".join(lines)
    if "--some" in sys.argv[2:]:
        tables = renewed(document.split(BEGIN)[1].split(END)[0], tables)
    path.write_text(filled(document, tables))


if __name__ == "__main__":
    main()
