"""The table of requests: for each section of the tutorial its scenarios."""

from tests.lessons.originals import (
    table_basics,
    table_database,
    table_forms,
    table_restful,
    table_sessions,
    table_tokens,
)
from tests.lessons.originals.scenario import Scenario

TABLE: dict[str, list[Scenario]] = {
    "hello": table_basics.HELLO,
    "converters": table_basics.CONVERTERS,
    "redirects": table_basics.REDIRECTS,
    "methods": table_basics.METHODS,
    "login-json": table_forms.LOGIN_JSON,
    "login-form": table_forms.LOGIN_FORM,
    "variables": table_basics.VARIABLES,
    "static-files": table_basics.STATIC_FILES,
    "request-form": table_forms.REQUEST_FORM,
    "cookies": table_sessions.COOKIES,
    "session": table_sessions.SESSION,
    "errors": table_sessions.ERRORS,
    "flash": table_sessions.FLASH,
    "upload": table_forms.UPLOAD,
    "houses-list": table_database.HOUSES_LIST,
    "houses-page": table_database.HOUSES_PAGE,
    "login-db": table_database.LOGIN_DB,
    "jwt": table_tokens.JWT,
    "jwt-refresh": table_tokens.JWT_REFRESH,
    "restful": table_restful.RESTFUL,
}
