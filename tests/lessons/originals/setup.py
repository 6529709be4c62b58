"""What every original is built from, and the pieces that they share."""

from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from jinja2 import DictLoader
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.pool import NullPool

# The tutorial prints its keys; the comparison gives both sides one of their own,
# and presents cookies signed with the printed ones as forgeries.
PRINTED_KEYS = {
    "session": "abcd12345678",
    "errors": "abcd12345678",
    "flash": "abcde",
    "login-db": "abcde1234",
    "jwt": "abc123",
    "jwt-refresh": "abc123",
}


@dataclass(frozen=True)
class Config:
    """Where an original keeps its files, and what it signs with."""

    folder: Path
    secret_key: str = "the comparison's own secret key, long enough"
    jwt_secret_key: str = "the comparison's own token key, long enough"


def bare(config: Config, **templates: str) -> Flask:
    """Return an application whose templates are the given texts (`login_html=...`)."""
    app = Flask("original", root_path=str(config.folder), static_folder=None)
    app.jinja_loader = DictLoader(
        {name.removesuffix("_html") + ".html": text for name, text in templates.items()}
    )
    # A view that fails is an answer of 500 here, not news for the log.
    app.logger.disabled = True
    return app


@dataclass(frozen=True)
class Tables:
    """The two tables of the tutorial, on one database file."""

    db: SQLAlchemy
    house: type
    admin: type


def tables(app: Flask, config: Config) -> Tables:
    """Give `app` a database with both tables, empty.

    The tutorial's was MySQL; the rows that the comparison uses answer alike on SQLite.
    """
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{config.folder / 'house.sqlite3'}"
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"poolclass": NullPool}
    db = SQLAlchemy(app)

    class BaseHouse(db.Model):  # type: ignore[name-defined,misc]
        __tablename__ = "base_house"

        id: Mapped[str] = mapped_column(String(64), primary_key=True)
        project_no: Mapped[str | None] = mapped_column(String(128))
        project_name: Mapped[str | None] = mapped_column(String(256))
        project_address: Mapped[str | None] = mapped_column(String(256))

    class Admin(db.Model):  # type: ignore[name-defined,misc]
        __tablename__ = "t_admin"

        id: Mapped[int] = mapped_column(primary_key=True)
        username: Mapped[str] = mapped_column(String(30))
        userpwd: Mapped[str] = mapped_column(String(100))

    with app.app_context():
        db.create_all()
    return Tables(db, BaseHouse, Admin)
