"""A service that empties a spool, as a process that can be killed: FOLDER PORT."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from streamrecon.dicom.delivery.destinations import Destination
from streamrecon.dicom.delivery.sending.sender_threads import Sender

if __name__ == "__main__":
    archive = Destination(
        name="archive",
        host="127.0.0.1",
        port=int(sys.argv[2]),
        called="ARC",
        longest_pause_s=0.3,
        associate_s=5.0,  # less than a test waits for room
        answer_s=10.0,
    )
    with Sender(Path(sys.argv[1]), [archive]):
        print("sending", flush=True)
        signal.pause()
