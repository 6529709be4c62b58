"""The one name that any ASGI server is given: `hypercorn quartapp.asgi:app`."""

from quartapp.app import create_app

app = create_app()
