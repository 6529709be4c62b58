"""Pure ASGI middleware, one thing a file."""
