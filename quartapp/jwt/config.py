"""The options of the manager that is meant, where Flask-JWT-Extended keeps them."""

from __future__ import annotations

from typing import Any

from werkzeug.local import LocalProxy

from quartapp.jwt.jwt_manager import installed

config: Any = LocalProxy(lambda: installed().options)
