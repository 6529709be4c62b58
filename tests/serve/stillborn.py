"""A worker that dies at its start; with SURVIVORS_AFTER=N only the first N of them do.

Those after them die only while there is a file `broken`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

DEAD = Path(os.environ["QUARTAPP_INSTANCE_PATH"]) / "dead"

if __name__ == "__main__":
    limit = int(os.environ.get("SURVIVORS_AFTER", "1000"))
    with DEAD.open("a") as file:
        file.write("+")
    if DEAD.stat().st_size <= limit or DEAD.with_name("broken").exists():
        sys.exit("stillborn")
    from quartapp.serve.worker import main
    from tests.serve.slow import make_app

    main(lambda _settings, _order: make_app())
