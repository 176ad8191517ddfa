"""``python -m streamrecon``: the command line."""

import sys

from streamrecon.cli import main

if __name__ == "__main__":
    sys.exit(main())
