"""The service with the toy gadgets, as a process of its own."""

import sys

from toys import main

if __name__ == "__main__":
    sys.exit(main())
