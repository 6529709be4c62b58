"""The database: one engine an application, transactions, migrations."""

from quartapp.db.base import Base
from quartapp.db.database import Database

__all__ = ["Base", "Database"]
