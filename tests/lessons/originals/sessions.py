"""The tutorial's programs that remember: cookies, sessions, errors, flashed messages."""

from flask import (
    Flask,
    abort,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from werkzeug.wrappers import Response

from tests.lessons.originals.setup import Config, bare

INDEX = """\
{% if name is none %}您暂未登录, <a href="{{ url_for('login') }}">点击这里登录</a>
{% else %}登录用户名是:{{ name }}<br><a href="{{ url_for('logout') }}">点击这里注销</a>{% endif %}
"""

SESSION_LOGIN = """\
<form action="" method="post">
<p>用户名:<input type="text" name="username"></p>
<p>密码:<input type="password" name="password"></p>
<p><input type="submit" value="登录"></p>
</form>
"""

FLASH_INDEX = """\
<!doctype html>
<title>Flask 消息反馈</title>
{% with messages = get_flashed_messages() %}{% if messages %}
<ul>{% for message in messages %}<li>{{ message }}</li>{% endfor %}</ul>
{% endif %}{% endwith %}
<h3>Welcome!</h3>
<a href="{{ url_for('login') }}">登入</a>
"""

FLASH_LOGIN = """\
<!doctype html>
<title>login</title>
{% if error %}<p>错误信息: {{ error }}</p>{% endif %}
<form action="{{ url_for('login') }}" method="post">
<p>用户名:<input type="text" name="user"></p>
<p>密码:<input type="password" name="password"></p>
<p><input type="submit" value="登入"></p>
</form>
"""


def cookies(config: Config) -> Flask:
    """Cookie."""
    app = bare(config)

    @app.route("/set_cookie")
    def set_cookie() -> Response:
        response = make_response("set success")
        response.set_cookie("username", "zhouzhiwengang", max_age=3600)
        return response

    @app.route("/get_cookie")
    def get_cookie() -> str:
        return request.cookies.get("username")  # type: ignore[return-value]

    @app.route("/del_cookie")
    def del_cookie() -> Response:
        response = make_response("del success")
        response.delete_cookie("username")
        return response

    return app


def _remembering(config: Config, *, refuse: bool) -> Flask:
    """Return the program of both sections; they differ in what a wrong password ends in."""
    app = bare(config, index_html=INDEX, login_html=SESSION_LOGIN)
    app.secret_key = config.secret_key

    @app.route("/")
    def index() -> str:
        return render_template("index.html", name=session.get("username"))

    @app.route("/login", methods=["GET", "POST"])
    def login() -> str | Response:
        if request.method == "POST":
            username, password = request.form["username"], request.form["password"]
            if username == "admin" and password == "123456":
                session["username"] = username
                return redirect(url_for("index"))
            if refuse:
                abort(401)
        return render_template("login.html")

    @app.route("/logout")
    def logout() -> Response:
        session.pop("username", None)
        return redirect(url_for("index"))

    return app


def session_(config: Config) -> Flask:
    """第八节 Session."""
    return _remembering(config, refuse=False)


def errors(config: Config) -> Flask:
    """第九节 错误."""
    return _remembering(config, refuse=True)


def flash_(config: Config) -> Flask:
    """第十节 消息反馈."""
    app = bare(config, response_html=FLASH_INDEX, login_html=FLASH_LOGIN)
    app.secret_key = config.secret_key

    @app.route("/")
    def index() -> str:
        return render_template("response.html")

    @app.route("/login", methods=["GET", "POST"])
    def login() -> str | Response:
        error = None
        if request.method == "POST":
            user, password = request.form["user"], request.form["password"]
            if user == "admin" and password == "123456":
                flash("登入成功")
                return redirect(url_for("index"))
            error = "非法用户名或密码,请重新登入"
        return render_template("login.html", error=error)

    return app
