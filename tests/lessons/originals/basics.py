"""The tutorial's first programs: routes, converters, redirects, methods, templates."""

from typing import Any

from flask import Flask, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from tests.lessons.originals.setup import Config, bare

SCRIPT = 'function sayHello() { alert("Python 模板文件之静态资源文件") }'

VARIABLES = """\
<!doctype html>
<title>variables</title>
<p>{{ my_str }}</p>
<p>{{ my_int }}</p>
<ul>{% for item in my_array %}<li>{{ item }}</li>{% endfor %}</ul>
<p>{{ my_dict.name }} {{ my_dict.age }}</p>
"""

STATIC = """\
<!doctype html>
<title>static files</title>
<script src="{{ url_for('static', filename='static.js') }}"></script>
<button type="button" onclick="sayHello()">hello</button>
"""


def hello(config: Config) -> Flask:
    """第一节 快速入门."""
    app = bare(config)

    @app.route("/flask")
    def hello_flask() -> str:
        return "Hello Flask"

    return app


def converters(config: Config) -> Flask:
    """第二节 入参."""
    app = bare(config)

    @app.route("/strs/<name>")
    def strs(name: str) -> str:
        return f"Hello {name}"

    @app.route("/floats/<float:version>")
    def floats(version: float) -> Any:
        return version  # Flask refuses a float

    @app.route("/ints/<int:version>")
    def ints(version: int) -> str:
        return "整数为 %d" % version  # noqa: UP031

    @app.route("/paths/<path:subpath>")
    def paths(subpath: str) -> str:
        return f"路径为 {subpath}"

    return app


def redirects(config: Config) -> Flask:
    """第三节 重定向."""
    app = bare(config)

    @app.route("/redicts")
    def redicts() -> Response:
        return redirect("https://www.baidu.com")

    @app.route("/admin")
    def admin() -> str:
        return "Hello Admin"

    @app.route("/guest/<guest>")
    def guest(guest: str) -> str:
        return f"Hello {guest} as Guest"

    @app.route("/user/<name>")
    def user(name: str) -> Response:
        if name == "admin":
            return redirect(url_for("admin"))
        return redirect(url_for("guest", guest=name))

    return app


def methods(config: Config) -> Flask:
    """第四节 HTTP方法."""
    app = bare(config)
    for method in ("GET", "POST", "DELETE", "PUT", "HEAD"):
        app.add_url_rule(
            f"/{method.lower()}_request",
            method.lower(),
            lambda text=f"{method}请求": text,
            methods=[method],
        )
    return app


def login_json(config: Config) -> Flask:
    """实战一 模拟用户登入."""
    app = bare(config)

    @app.route("/")
    def index() -> str:
        return "欢迎来到主页"

    @app.route("/login", methods=["POST"])
    def login() -> Any:
        data = request.get_json()
        user, password = data["user"], data["password"]
        if user == "admin" and password == "123456":
            return jsonify({"token": "abcd123456", "birthdat": "2024-04-18"})
        return None  # anybody else gets nothing, which Flask refuses

    return app


def variables(config: Config) -> Flask:
    """模板文件传参."""
    app = bare(config, variable_html=VARIABLES)

    @app.route("/")
    def index() -> str:
        return render_template(
            "variable.html",
            my_str="Hello Word",
            my_int=10,
            my_array=[3, 4, 2, 1, 7, 9],
            my_dict={"name": "zhouzhiwengang", "age": 31},
        )

    return app


def static_files(config: Config) -> Flask:
    """第六节 静态文件."""
    folder = config.folder / "static"
    folder.mkdir(exist_ok=True)
    (folder / "static.js").write_text(SCRIPT, encoding="utf-8")
    app = bare(config, static_html=STATIC)
    app.static_folder = str(folder)
    app.add_url_rule("/static/<path:filename>", endpoint="static", view_func=app.send_static_file)

    @app.route("/")
    def index() -> str:
        return render_template("static.html")

    return app
