"""The tutorial's programs on a database: houses listed, paged and served, and a login."""

from typing import Any

from flask import Flask, jsonify, redirect, render_template, request, url_for
from flask_login import LoginManager, UserMixin, login_required, login_user, logout_user
from flask_restful import Api, Resource
from werkzeug.wrappers import Response

from tests.lessons.originals.setup import Config, bare, tables

LOGIN = """\
<form action="{{ url_for('login') }}" method="post">
<p>用户名:<input type="text" name="username"></p>
<p>密码:<input type="password" name="password"></p>
<p><input type="submit" value="登录"></p>
</form>
"""

DASHBOARD = "<!doctype html><title>dashboard</title><h1>Welcome</h1>"


def houses_list(config: Config) -> Flask:
    """SQLAlchemy 快速入门."""
    app = bare(config)
    house: Any = tables(app, config).house

    @app.route("/")
    def index() -> Response:
        return jsonify({"users": [{"id": row.id} for row in house.query.all()]})

    return app


def houses_page(config: Config) -> Flask:
    """分页 + 入参查询."""
    app = bare(config)
    house: Any = tables(app, config).house

    @app.route("/", methods=["POST"])
    def index() -> Response:
        data = request.get_json()
        page, size, name = data.get("page"), data.get("size"), data.get("name")
        query = house.query
        if name:
            query = query.filter_by(project_name=name)
        found = query.paginate(page=page, per_page=size, error_out=False)
        return jsonify(
            {
                "users": [_shown(row) for row in found.items],
                "total_pages": found.pages,
                "current_page": found.page,
            }
        )

    return app


def login_db(config: Config) -> Flask:
    """Flask-Login."""
    app = bare(config, auth_login_html=LOGIN, dashboard_html=DASHBOARD)
    app.secret_key = config.secret_key
    made = tables(app, config)
    admin: Any = made.admin
    manager = LoginManager(app)

    class User(UserMixin):  # type: ignore[misc]
        def __init__(self, user_id: int) -> None:
            self.id = user_id

    @manager.user_loader  # type: ignore[untyped-decorator]
    def load_user(user_id: str) -> User | None:
        row = made.db.session.get(admin, int(user_id))
        return User(row.id) if row else None

    @app.route("/login", methods=["GET", "POST"])
    def login() -> str | Response:
        if request.method == "POST":
            username, password = request.form["username"], request.form["password"]
            row = admin.query.filter_by(username=username, userpwd=password).first()
            if row:
                login_user(User(row.id))
                return redirect(url_for("dashboard"))
        return render_template("auth_login.html")

    @app.route("/dashboard")
    @login_required  # type: ignore[untyped-decorator]
    def dashboard() -> str:
        return render_template("dashboard.html")

    @app.route("/logout")
    @login_required  # type: ignore[untyped-decorator]
    def logout() -> Response:
        logout_user()
        return redirect(url_for("login"))

    return app


def restful(config: Config) -> Flask:
    """Flask-RESTful: one resource under two addresses, as the tutorial has it."""
    app = bare(config)
    made = tables(app, config)
    house: Any = made.house
    api = Api(app)

    class Houses(Resource):  # type: ignore[misc]
        def get(self, user_id: str) -> Any:
            row = made.db.session.get(house, user_id)
            if row is None:
                return {"message": "House not found"}, 404
            return _shown(row)

        def post(self) -> Any:
            data = request.get_json()
            row = house(
                id=data["id"],
                project_no=data["projectNo"],
                project_name=data["projectName"],
                project_address=data["projectAddress"],
            )
            made.db.session.add(row)
            made.db.session.commit()
            return {"message": "创建成功"}, 201

        def delete(self, user_id: str) -> Any:
            row = made.db.session.get(house, user_id)
            if row is None:
                return {"message": "记录未找到"}, 404
            made.db.session.delete(row)
            made.db.session.commit()
            return {"message": "删除成功"}

    api.add_resource(Houses, "/user", "/user/<string:user_id>")
    return app


def _shown(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "projectNo": row.project_no,
        "projectName": row.project_name,
        "projectAddress": row.project_address,
    }
