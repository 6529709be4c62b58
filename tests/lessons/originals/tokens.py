"""The tutorial's programs on Flask-JWT-Extended: access tokens, then refresh tokens too."""

from typing import Any

from flask import Flask, jsonify, request
from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    create_refresh_token,
    get_jwt_identity,
    jwt_required,
)

from tests.lessons.originals.setup import Config, bare, tables


def jwt(config: Config) -> Flask:
    """Flask-JWT-Extended."""
    return _with_tokens(config, refreshing=False)


def jwt_refresh(config: Config) -> Flask:
    """刷新Token."""
    return _with_tokens(config, refreshing=True)


def _with_tokens(config: Config, *, refreshing: bool) -> Flask:
    app = bare(config)
    app.config["JWT_SECRET_KEY"] = config.jwt_secret_key
    admin: Any = tables(app, config).admin
    JWTManager(app)

    @app.route("/login", methods=["GET", "POST"])
    def login() -> Any:
        if request.method != "POST":
            return None  # a GET gets nothing, which Flask refuses
        username, password = request.form["username"], request.form["password"]
        row = admin.query.filter_by(username=username, userpwd=password).first()
        if row is None:
            return jsonify({"msg": "Bad username or password"}), 401
        answer = {"access_token": create_access_token(identity=username)}
        if refreshing:
            answer["refresh_token"] = create_refresh_token(identity=username)
        return jsonify(answer)

    @app.route("/dashboard")
    @jwt_required()  # type: ignore[untyped-decorator]
    def dashboard() -> Any:
        return jsonify({"logged_in_as": get_jwt_identity()})

    if refreshing:

        @app.route("/refresh", methods=["POST"])
        @jwt_required(refresh=True)  # type: ignore[untyped-decorator]
        def refresh() -> Any:
            return jsonify({"access_token": create_access_token(identity=get_jwt_identity())})

    return app
