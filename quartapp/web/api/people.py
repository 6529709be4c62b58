"""People: the accounts, for those who keep them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field
from quart import Blueprint, Response, current_app, url_for

from quartapp.accounts import login
from quartapp.accounts import service as accounts
from quartapp.accounts.models import Account
from quartapp.db.retry import retried
from quartapp.jwt import list_sessions, revoke_all_sessions
from quartapp.web.api import links
from quartapp.web.api.models import In, Out, Password
from quartapp.web.api.once import Once, once
from quartapp.web.api.operations import IDEMPOTENCY_KEY, Answer, Json, Operation, answer
from quartapp.web.api.sessions import Ended, Sessions
from quartapp.web.api.tokens import caller
from quartapp.web.db import reading, writing
from quartapp.web.events import security
from quartapp.web.login import app_passwords, tell_changes

bp = Blueprint("people", __name__, url_prefix="/people")

ADMIN = ["admin"]
MISSING = "There is no such account."
LOCKED_OUT = "It is one's own account, or the last admin's; or it was changed meanwhile."


class NewPerson(In):
    """An account to be made."""

    username: Annotated[str, Field(min_length=1, max_length=accounts.NAME_LENGTH, examples=["ann"])]
    password: Password
    admin: bool = False


class PersonPatch(In):
    """What is to be changed; what is not named stays as it is."""

    disabled: Annotated[bool, Field(default_factory=bool)]
    admin: Annotated[bool, Field(default_factory=bool)]
    password: Annotated[Password, Field(default_factory=str)]


class Person(Out):
    """An account; nobody can sign in to one that is disabled."""

    id: int
    username: str
    admin: bool
    disabled: bool
    disabled_at: datetime | None

    @classmethod
    def of(cls, account: Account) -> Person:
        """An account as the API shows it."""
        return cls(
            id=account.id,
            username=account.username,
            admin=account.is_admin,
            disabled=account.disabled_at is not None,
            disabled_at=account.disabled_at,
        )


class People(links.PageOf[Person]):
    """Some of the accounts, by name. `next` and `previous` are addresses, null at the ends.

    `page` is null where a cursor led here. Where `totalIsExact` is false there are more.
    """


@bp.get("")
@Operation(
    id="listPeople",
    summary="List the accounts",
    scopes=ADMIN,
    query=links.PageQuery,
    answers={200: Answer("A page of accounts.", People, headers=["Link"])},
)
async def list_people(query: links.PageQuery) -> Response:
    """List the accounts, by pages or by cursors."""
    async with reading() as db:
        found: links.Found
        if query.cursor is None:
            found = await accounts.page(db, number=query.page, size=query.size)
        else:
            backward, cursor = links.read(query.cursor)
            go_on = accounts.before if backward else accounts.after
            found = await go_on(db, cursor=cursor, size=query.size)
    return links.paged(People, found, [Person.of(account) for account in found.items])


@bp.post("")
@Operation(
    id="createPerson",
    summary="Create an account",
    scopes=ADMIN,
    body=Json(NewPerson),
    headers=[IDEMPOTENCY_KEY],
    answers={201: Answer("The new account.", Person, headers=["Location"])},
    refusals={409: "The name is taken, or the first request with the key still runs."},
)
async def create_person(body: NewPerson) -> Response:
    """Create an account."""
    async with once(body.model_dump_json()) as attempt:
        if attempt.kept:
            return attempt.kept
        hashed = await login.first_hash(
            app_passwords(current_app), username=body.username, password=body.password
        )
        account, done = await _create(attempt, body, hashed)
    security("account.created", user=account.id, admin=body.admin)
    return done


@bp.get("/<int:person_id>")
@Operation(
    id="readPerson",
    summary="Read an account",
    scopes=ADMIN,
    answers={200: Answer("The account.", Person)},
    refusals={404: MISSING},
)
async def read_person(person_id: int) -> Response:
    """Read an account."""
    async with reading() as db:
        account = await accounts.get(db, id=person_id)
    return answer(Person.of(account))


@bp.patch("/<int:person_id>")
@Operation(
    id="changePerson",
    summary="Disable an account, make it an admin's, give it a password",
    scopes=ADMIN,
    body=Json(PersonPatch, example={"disabled": True}),
    answers={200: Answer("The account as it is now. Who was changed is signed out.", Person)},
    refusals={404: MISSING, 409: LOCKED_OUT},
)
async def change_person(person_id: int, body: PersonPatch) -> Response:
    """Change an account: all that is named, or nothing."""
    named = body.model_fields_set
    async with reading() as db:
        account = await accounts.get(db, id=person_id)
    hashed = await _hash(account.username, body.password) if "password" in named else ""
    account = await _change(account, body, hashed)
    tell_changes(account, named)
    return answer(Person.of(account))


@bp.get("/<int:person_id>/sessions")
@Operation(
    id="listSessionsOfPerson",
    summary="Where somebody is signed in",
    scopes=ADMIN,
    answers={200: Answer("The sessions.", Sessions)},
    refusals={404: MISSING},
)
async def sessions(person_id: int) -> Response:
    """List the live sessions of an account."""
    found = await list_sessions(await _subject(person_id))
    return answer(Sessions.of(found, current=caller().session_id))


@bp.delete("/<int:person_id>/sessions")
@Operation(
    id="endSessionsOfPerson",
    summary="Sign somebody out everywhere",
    scopes=ADMIN,
    answers={200: Answer("All have ended.", Ended)},
    refusals={404: MISSING},
)
async def end_sessions(person_id: int) -> Response:
    """End every session of an account."""
    ended = await revoke_all_sessions(await _subject(person_id), reason="admin")
    security("sessions.revoked", user=person_id, count=ended, reason="by an admin")
    return answer(Ended(ended=ended))


@retried
async def _create(attempt: Once, body: NewPerson, hashed: str) -> tuple[Account, Response]:
    async with writing() as db:
        account = await accounts.create(
            db,
            username=body.username,
            password_hash=hashed,
            is_admin=body.admin,
            by=caller().actor,
        )
        done = answer(Person.of(account), 201)
        done.headers["Location"] = url_for("api.people.read_person", person_id=account.id)
        await attempt.keep(db, done)
    return account, done


@retried
async def _change(read: Account, body: PersonPatch, hashed: str) -> Account:
    """Change an account that was `read`; `hashed` is its new password, or empty."""
    id, named, by = read.id, body.model_fields_set, caller().actor
    async with writing() as db:
        if hashed:
            accounts.refuse_own(id, by)
            await accounts.put_password(db, account=read, password_hash=hashed, by=by)
        if "admin" in named:
            await accounts.set_admin(db, id=id, is_admin=body.admin, by=by)
        if "disabled" in named:
            change = accounts.disable if body.disabled else accounts.enable
            await change(db, id=id, by=by)
        return await accounts.get(db, id=id)


async def _subject(person_id: int) -> str:
    async with reading() as db:
        return accounts.subject_of(await accounts.get(db, id=person_id))


async def _hash(username: str, password: str) -> str:
    passwords = app_passwords(current_app)
    return await login.checked_hash(passwords, username=username, password=password)
