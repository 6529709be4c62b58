"""Every key of hypercorn.toml is one that hypercorn knows, for it takes others in silence."""

from __future__ import annotations

import tomllib

from hypercorn.config import Config

from quartapp.paths import HYPERCORN_TOML
from quartapp.serve.config import NOT_HERE, known_keys, read_config

KEYS = tomllib.loads(HYPERCORN_TOML.read_text(encoding="utf-8"))


def test_every_key_exists_in_hypercorn() -> None:
    # hypercorn's own defaults are the measure; one without a default is only annotated.
    assert {key for key in KEYS if not hasattr(Config(), key)} <= {"application_path"}
    assert set(KEYS) <= known_keys()


def test_every_key_takes_effect() -> None:
    config = read_config()
    assert {key: getattr(config, key) for key in KEYS} == KEYS


def test_the_reasons_against_keys_are_about_keys_that_exist() -> None:
    assert set(NOT_HERE) <= known_keys()


def test_running_handlers_are_not_cut_off() -> None:
    assert read_config().read_timeout is None
