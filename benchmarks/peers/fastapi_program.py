"""The same endpoints on FastAPI: what hashes or asks the database is a plain `def`, as it advises.

Such a view runs in the default pool of 40 threads.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import jwt
from argon2.exceptions import VerifyMismatchError
from fastapi import Depends, FastAPI, Form, HTTPException, UploadFile
from fastapi.responses import PlainTextResponse
from fastapi.security import OAuth2PasswordBearer
from pydantic import BaseModel
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from benchmarks.machine import HASHER

WAIT = 0.1  # seconds
THREADS = 40  # of the default pool
SECRET = os.environ["BENCH_SECRET"]
URL = os.environ["BENCH_DATABASE_URL"]
DUMMY = HASHER.hash("nobody's")
UPLOADS = Path(os.environ["BENCH_UPLOAD_FOLDER"])

app = FastAPI()
engine = create_engine(
    URL,
    pool_size=THREADS,  # a session is held while a password is hashed: fewer would run dry
    connect_args={"check_same_thread": False} if "sqlite" in URL else {},
)
oauth2_scheme = OAuth2PasswordBearer(tokenUrl="/lessons/jwt-refresh/login")


class Base(DeclarativeBase):
    """The tables."""


class Admin(Base):
    """Who may sign in."""

    __tablename__ = "t_admin"
    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str]
    userpwd: Mapped[str]


class House(Base):
    """A house."""

    __tablename__ = "base_house"
    id: Mapped[str] = mapped_column(primary_key=True)
    project_no: Mapped[str | None]
    project_name: Mapped[str | None]
    project_address: Mapped[str | None]


class Wanted(BaseModel):
    """Which page of the houses."""

    page: int = 1
    size: int = 20
    name: str = ""


class HouseOut(BaseModel):
    """A house as JSON."""

    id: str
    projectNo: str | None  # noqa: N815
    projectName: str | None  # noqa: N815
    projectAddress: str | None  # noqa: N815


class Page(BaseModel):
    """A page of the houses."""

    users: list[HouseOut]
    total_pages: int
    current_page: int


def session() -> Iterator[Session]:
    """Open a session for a request."""
    with Session(engine) as opened:
        yield opened


Database = Annotated[Session, Depends(session)]


async def identity(token: Annotated[str, Depends(oauth2_scheme)]) -> str:
    """Name whose token it is."""
    try:
        return str(jwt.decode(token, SECRET, algorithms=["HS256"])["sub"])
    except jwt.InvalidTokenError:
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"}) from None


def token_of(username: str, kind: str, life: timedelta) -> str:
    """Sign a token."""
    now = datetime.now(UTC)
    claims = {"sub": username, "type": kind, "jti": str(uuid4()), "iat": now, "exp": now + life}
    return jwt.encode(claims, SECRET, "HS256")


@app.get("/lessons/hello/flask", response_class=PlainTextResponse)
async def hello() -> str:
    """Greet."""
    return "Hello Flask"


@app.get("/wait", response_class=PlainTextResponse)
async def wait() -> str:
    """Answer after a while."""
    await asyncio.sleep(WAIT)
    return "done"


@app.post("/lessons/jwt-refresh/login")
def login(
    db: Database, username: Annotated[str, Form()], password: Annotated[str, Form()]
) -> dict[str, str]:
    """Hand out tokens to who knows a password."""
    admin = db.scalar(select(Admin).where(Admin.username == username))
    try:
        HASHER.verify(admin.userpwd if admin else DUMMY, password)
    except VerifyMismatchError:
        admin = None
    if admin is None:
        raise HTTPException(401, "Bad username or password")
    return {
        "access_token": token_of(username, "access", timedelta(minutes=15)),
        "refresh_token": token_of(username, "refresh", timedelta(days=30)),
    }


@app.get("/lessons/jwt-refresh/dashboard")
async def dashboard(username: Annotated[str, Depends(identity)]) -> dict[str, str]:
    """Say whose token it is."""
    return {"logged_in_as": username}


@app.post("/lessons/houses-page/")
def page(db: Database, wanted: Wanted) -> Page:
    """Show a page of the houses."""
    query: Any = select(House).order_by(House.id)
    counting = select(func.count()).select_from(House)
    if wanted.name:
        query = query.where(House.project_name == wanted.name)
        counting = counting.where(House.project_name == wanted.name)
    found = db.scalars(query.limit(wanted.size).offset((wanted.page - 1) * wanted.size))
    users = [
        HouseOut(
            id=house.id,
            projectNo=house.project_no,
            projectName=house.project_name,
            projectAddress=house.project_address,
        )
        for house in found
    ]
    total = db.scalar(counting) or 0
    return Page(users=users, total_pages=-(-total // wanted.size), current_page=wanted.page)


@app.post("/lessons/upload/uploader", response_class=PlainTextResponse)
def uploader(file: UploadFile) -> str:
    """Save a file."""
    UPLOADS.mkdir(exist_ok=True)
    with (UPLOADS / Path(file.filename or "").name).open("wb") as kept:
        shutil.copyfileobj(file.file, kept)
    return "文件上传成功"
