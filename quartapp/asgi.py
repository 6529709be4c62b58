"""The one name that any ASGI server is given: `hypercorn quartapp.asgi:app`."""

from quartapp.app import create_app
from quartapp.web import housekeeping

app = create_app()
housekeeping.install(app)
