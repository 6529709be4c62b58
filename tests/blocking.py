"""No call of ours may block the event loop: blockbuster raises where one does.

The list says, by file and function, what is allowed to: what Quart, Jinja and werkzeug do by
themselves for a moment, and what belongs to the start of an application.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from blockbuster import blockbuster_ctx

ALLOWED: dict[str, set[str]] = {
    # A template's first read, and whether it changed since.
    "jinja2/loaders.py": {"get_source", "up_to_date", "uptodate"},
    # A small upload is spooled in memory; a larger one rolls over to a file.
    "quart/formparser.py": {"parse"},
    # A debug page shows the source, which is read; --reload alone has such pages.
    "quart/debug.py": {"traceback_response"},
    # The start of an application: its folders, the scripts of its migrations, its cores.
    "quartapp/core/cpu.py": {"quota"},
    "quartapp/app.py": {"create_app"},
    "quartapp/settings.py": {"load_settings"},
    "quartapp/web/lessons/upload.py": {"make_folder"},
    "quartapp/db/engine.py": {"make_engine"},
    "quartapp/db/migrate.py": {"head"},
    "alembic/script/base.py": {"__init__", "_load_revisions", "run_env"},
}

# A command has an event loop to itself: nobody waits for it there.
EXCLUDED = ["quartapp.testing", "quartapp.cli"]


@contextmanager
def no_blocking_calls() -> Iterator[None]:
    """While this lasts, a blocking call below a function of quartapp is an error."""
    with blockbuster_ctx("quartapp", excluded_modules=EXCLUDED) as detector:
        for function in detector.functions.values():
            for filename, names in ALLOWED.items():
                function.can_block_in(filename, names)
        yield
