"""Puts the tables that a benchmark prints into a document, between its two marks.

    python benchmarks/bench_qsm.py PHANTOMS | python scripts/fill_tables.py docs/qsm.md

What stood there is replaced; the rest of the document is left alone. The tables are printed too.
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


def main() -> None:
    """Read tables from standard input, write them into the document that is named."""
    path = Path(sys.argv[1])
    lines = []
    for line in sys.stdin:
        print(line, end="", flush=True)
        lines.append(line)
    path.write_text(filled(path.read_text(), "".join(lines)))


if __name__ == "__main__":
    main()
