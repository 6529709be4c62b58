"""The one name that any ASGI server is given: `hypercorn quartapp.asgi:app`."""

from quartapp.app import create_app, migrate_at_start
from quartapp.settings import load_settings

_settings = load_settings()
app = create_app(_settings)
migrate_at_start(app, _settings)
