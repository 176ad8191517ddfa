"""``python -m simulator`` in a checkout: the command line of `streamrecon_simulator`."""

import sys

from streamrecon_simulator.__main__ import main

sys.exit(main())
