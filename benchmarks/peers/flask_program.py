"""The tutorial's programs on Flask, in one, with Argon2 where it compared passwords as typed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from argon2.exceptions import VerifyMismatchError
from flask import Flask, jsonify, request
from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    create_refresh_token,
    get_jwt_identity,
    jwt_required,
)
from flask_sqlalchemy import SQLAlchemy
from werkzeug.utils import secure_filename

from benchmarks.machine import HASHER

WAIT = 0.1  # seconds

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["BENCH_DATABASE_URL"]
app.config["JWT_SECRET_KEY"] = os.environ["BENCH_SECRET"]
jwt = JWTManager(app)
db = SQLAlchemy(app)
DUMMY = HASHER.hash("nobody's")
UPLOADS = Path(os.environ["BENCH_UPLOAD_FOLDER"])


class Admin(db.Model):  # type: ignore[name-defined]
    """Who may sign in."""

    __tablename__ = "t_admin"
    id = db.Column(db.Integer, primary_key=True)
    username = db.Column(db.String(30))
    userpwd = db.Column(db.String(100))


class House(db.Model):  # type: ignore[name-defined]
    """A house."""

    __tablename__ = "base_house"
    id = db.Column(db.String(64), primary_key=True)
    project_no = db.Column(db.String(128))
    project_name = db.Column(db.String(256))
    project_address = db.Column(db.String(256))


@app.get("/lessons/hello/flask")
def hello() -> str:
    """Greet."""
    return "Hello Flask"


@app.get("/wait")
def wait() -> str:
    """Answer after a while."""
    time.sleep(WAIT)
    return "done"


@app.post("/lessons/jwt-refresh/login")
def login() -> Any:
    """Hand out tokens to who knows a password."""
    username, password = request.form["username"], request.form["password"]
    admin = Admin.query.filter_by(username=username).first()
    try:
        HASHER.verify(admin.userpwd if admin else DUMMY, password)
    except VerifyMismatchError:
        admin = None
    if admin is None:
        return jsonify(msg="Bad username or password"), 401
    return jsonify(
        access_token=create_access_token(identity=username),
        refresh_token=create_refresh_token(identity=username),
    )


@app.get("/lessons/jwt-refresh/dashboard")
@jwt_required()
def dashboard() -> Any:
    """Say whose token it is."""
    return jsonify(logged_in_as=get_jwt_identity())


@app.post("/lessons/houses-page/")
def page() -> Any:
    """Show a page of the houses."""
    data = request.get_json()
    query = House.query.order_by(House.id)
    if data.get("name"):
        query = query.filter_by(project_name=data["name"])
    found = query.paginate(page=data.get("page"), per_page=data.get("size"), error_out=False)
    users = [
        {
            "id": house.id,
            "projectNo": house.project_no,
            "projectName": house.project_name,
            "projectAddress": house.project_address,
        }
        for house in found.items
    ]
    return jsonify(users=users, total_pages=found.pages, current_page=found.page)


@app.post("/lessons/upload/uploader")
def uploader() -> str:
    """Save a file."""
    file = request.files["file"]
    UPLOADS.mkdir(exist_ok=True)
    file.save(UPLOADS / secure_filename(file.filename or ""))
    return "文件上传成功"
