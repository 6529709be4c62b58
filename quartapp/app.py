"""create_app: the application, put together step by step; the only room that sees all others."""

from __future__ import annotations

from hypercorn.typing import ASGIFramework
from quart import Quart

from quartapp.accounts.models import Account
from quartapp.accounts.passwords import Passwords
from quartapp.audit.models import AuditEntry
from quartapp.core.cpu import share_of_cores
from quartapp.db.base import Base
from quartapp.db.database import Database
from quartapp.files.models import HouseFile
from quartapp.houses.models import House
from quartapp.idempotency.models import IdempotencyKey
from quartapp.jwt import KeyFile
from quartapp.paths import STATIC, TEMPLATES
from quartapp.settings import Settings, load_settings
from quartapp.telemetry import metrics
from quartapp.web import api, errors, headers, i18n, keys, lessons, limits, seen, site
from quartapp.web.application import Application
from quartapp.web.db import app_database, use_database
from quartapp.web.house_files import use_files
from quartapp.web.house_path import HousePath
from quartapp.web.login import app_passwords, use_passwords
from quartapp.web.metrics import use_metrics
from quartapp.web.middleware.body_limit import BodyLimit
from quartapp.web.middleware.body_pace import BodyPace
from quartapp.web.middleware.crowd import Crowd
from quartapp.web.middleware.observed import Observed
from quartapp.web.middleware.request_id import RequestId
from quartapp.web.middleware.request_line import RequestLine
from quartapp.web.middleware.trusted_proxies import TrustedProxies
from quartapp.web.middleware.with_body import WithBody
from quartapp.web.readiness import use_probes

MODELS = (
    Account,
    House,
    HouseFile,
    AuditEntry,
    IdempotencyKey,
)  # importing a model puts its table into the metadata
METADATA = Base.metadata


def create_app(
    settings: Settings | None = None, *, lesson: str | None = None, migrate: bool = True
) -> Quart:
    """Build the application; with `lesson` that one section alone, mounted at `/`.

    The embedded database is brought up to date when the application starts. Without `migrate` it
    is not: `quartapp serve` does it once for all its workers, and one that starts later may not
    need the database.

    Raises SettingsError for settings that cannot be used, KeyError for an unknown lesson.
    """
    settings = settings or load_settings()
    app = Application(
        "quartapp",
        instance_path=str(settings.instance_path),
        static_folder=None if lesson else str(STATIC),
        template_folder=str(TEMPLATES),
    )
    configure(app, settings)
    connect(app, settings)
    if migrate and settings.embedded:
        migrate_at_start(app)
    seen.install(app)
    errors.install(app)
    i18n.install(app)
    if lesson:
        lessons.mount_one(app, lesson)
    else:
        headers.install(app, production=settings.production)
        site.mount(app)
        api.mount(app)
        app.register_blueprint(keys.bp)
        if settings.lessons:
            lessons.mount_all(app)
    limited = BodyLimit(BodyPace(app.asgi_app), settings.max_upload_bytes)
    crowd = Crowd(RequestLine(WithBody(limited, app.asgi_app)), settings.max_in_flight)
    observed: ASGIFramework = Observed(crowd)
    if settings.traces:
        from quartapp.web.traces import traced  # needs what is not always installed

        observed = traced(app, observed)
    known = TrustedProxies(RequestId(observed), settings.trusted_proxies)
    app.asgi_app = known  # type: ignore[assignment,method-assign]
    use_metrics(app, crowd, settings.metrics_allow)
    use_probes(
        app,
        folders=(settings.upload_folder, settings.instance_path),
        min_free_bytes=settings.min_free_bytes,
    )
    limits.watch(app)
    return app


def configure(app: Quart, settings: Settings) -> None:
    """Hand the settings on, under the names that Flask and its extensions read."""
    app.config.update(
        SECRET_KEY=settings.secret_key.get_secret_value(),
        JWT_SECRET_KEY=settings.jwt_secret_key.get_secret_value(),
        UPLOAD_FOLDER=str(settings.upload_folder),
        IMPORT_FOLDER=str(settings.instance_path / "imports"),
        MAX_CONTENT_LENGTH=settings.max_upload_bytes,
        SESSION_COOKIE_SECURE=settings.production,
        QUART_AUTH_COOKIE_SECURE=settings.production,
    )
    app.url_map.converters["house"] = HousePath


def connect(app: Quart, settings: Settings) -> None:
    """Give the application its database, its password threads and its keys, start to end."""
    use_database(app, Database(settings.database, processes=settings.workers))
    use_passwords(app, passwords_for(settings))
    keys.use_keys(app, KeyFile(settings.jwt_keys_file))
    use_files(app, settings.files_folder, threads=share_of_cores(settings.workers))
    limits.use_limits(
        app,
        limit=settings.login_rate_limit,
        max_wait=settings.login_max_wait,
        redis_url=settings.redis_url.get_secret_value(),
        secret=settings.secret_key.get_secret_value(),
        spares_loopback=not settings.production,
    )

    @app.after_serving
    async def let_go() -> None:
        app_passwords(app).close()
        await app_database(app).close()


def passwords_for(settings: Settings) -> Passwords:
    """The threads that hash passwords in one of the serving processes."""
    return Passwords(
        threads=share_of_cores(settings.workers),
        max_wait=settings.login_max_wait,
        time_cost=settings.password_time_cost,
        memory_kib=settings.password_memory_kib,
        on_turn=metrics.password_hash_wait.observe,
    )


def migrate_at_start(app: Quart) -> None:
    """Let the application bring its embedded database up to date before it serves."""
    from quartapp.db import migrate as migrations  # a worker of `quartapp serve` does without

    @app.before_serving
    async def migrate_the_embedded_database() -> None:
        await migrations.upgrade(app_database(app))
