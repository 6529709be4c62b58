"""The tutorial's programs that read a form: logins, marks, files."""

from typing import Any

from flask import Flask, jsonify, render_template, request
from werkzeug.utils import secure_filename

from tests.lessons.originals.setup import Config, bare

LOGIN = """\
<!doctype html>
<title>login</title>
<form action="{{ url_for('login') }}" method="post">
<p>用户名:<input type="text" name="user"></p>
<p>密码:<input type="password" name="password"></p>
<p><input type="submit" value="登入"></p>
</form>
"""

STUDENT = """\
<!doctype html>
<title>student</title>
<form action="{{ url_for('result') }}" method="POST">
<p>姓名 <input type="text" name="Name"></p>
<p>物理 <input type="text" name="Physics"></p>
<p>化学 <input type="text" name="Chemistry"></p>
<p>数学 <input type="text" name="Mathematics"></p>
<p><input type="submit" value="submit"></p>
</form>
"""

RESULT = """\
<!doctype html>
<title>result</title>
<table border="1">
{% for key, value in result.items() %}
<tr><th>{{ key }}</th><td>{{ value }}</td></tr>
{% endfor %}
</table>
"""

UPLOAD = """\
<!doctype html>
<title>upload</title>
<form action="{{ url_for('uploader') }}" method="POST" enctype="multipart/form-data">
<input type="file" name="file">
<input type="submit">
</form>
"""


def login_form(config: Config) -> Flask:
    """实战一, 基于Template."""
    app = bare(config, login_html=LOGIN)

    @app.route("/")
    def index() -> str:
        return render_template("login.html")

    @app.route("/login", methods=["POST"])
    def login() -> Any:
        user, password = request.form["user"], request.form["password"]
        if user == "admin" and password == "123456":
            return jsonify({"token": "abcd123456", "birthdat": "2024-04-18"})
        return None  # anybody else gets nothing, which Flask refuses

    return app


def request_form(config: Config) -> Flask:
    """第七节 Request 对象."""
    app = bare(config, student_html=STUDENT, result_html=RESULT)

    @app.route("/")
    def student() -> str:
        return render_template("student.html")

    @app.route("/result", methods=["GET", "POST"])
    def result() -> Any:
        if request.method == "POST":
            return render_template("result.html", result=request.form)
        return None  # a GET gets nothing, which Flask refuses

    return app


def upload(config: Config) -> Flask:
    """第十一节 文件上传."""
    folder = config.folder / "upload"
    folder.mkdir(exist_ok=True)
    app = bare(config, upload_html=UPLOAD)
    app.config["UPLOAD_FOLDER"] = str(folder)

    @app.route("/upload")
    def upload_page() -> str:
        return render_template("upload.html")

    @app.route("/uploader", methods=["GET", "POST"])
    def uploader() -> str:
        if request.method == "POST":
            file = request.files["file"]
            file.save(folder / secure_filename(file.filename or ""))
            return "文件上传成功"
        return render_template("upload.html")

    return app
