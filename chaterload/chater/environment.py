"""From environment variables and a .env file to Settings, and back to what may be told of them."""

import os
from collections.abc import Iterable
from functools import cache
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from chaterload.chater.hosts import HOST_SHAPE, without_password
from chaterload.chater.settings import PREFIX, Settings, is_secret, variable
from chaterload.chater.textfiles import read_bytes, read_text
from chaterload.exits import Refused, looks_like

VARIABLES = {variable(name, field): field for name, field in Settings.model_fields.items()}
"""The settings by the environment variables that they are read from."""

ENV_FILE = Path(".env")
"""In the working directory."""

_FILES = ("TEST_ACCOUNTS_FILE", "TEST_USER_TOKEN_FILE", "TEST_PHOTO_PATH")


def read_env_file(options: Iterable[str] = ()) -> None:
    """Take from a .env file what the environment does not set. Refused when there is one that cannot be read.

    A variable that is empty is not set: CI inputs and `${X:-}` make such ones. `options` are the variables of options.
    """
    known = {*VARIABLES, *options}
    _drop_empty(known)
    if ENV_FILE.exists() and not ENV_FILE.is_dir():  # some keep a virtual environment under this name
        try:
            for name, value in _values(read_text(ENV_FILE)).items():
                os.environ.setdefault(name, value)
        except ValueError as error:  # of a character that the locale cannot express, too
            reason = "holds what the locale cannot express" if isinstance(error, UnicodeError) else error
            raise Refused(f"The file .env {reason}. Expected lines of NAME=value.") from None
    _drop_empty(known)


def _drop_empty(known: Iterable[str]) -> None:
    for name in [name for name, value in os.environ.items() if not value and name.upper() in known]:
        del os.environ[name]


@cache  # what cannot be parsed is told once
def _values(text: str) -> dict[str, str]:
    """The variables of a .env file. `${NAME}` stands for a value, but not within single quotes, as in a shell."""
    last = {binding.key: binding for binding in parse_stream(StringIO(text)) if binding.key}
    expanded = dotenv_values(stream=StringIO(text))
    literal = {
        name: binding.value
        for name, binding in last.items()
        if binding.original.string.partition("=")[2].lstrip().startswith("'")
    }
    return {name: value for name, value in {**expanded, **literal}.items() if value is not None}


def read_pipes() -> None:
    """Read what only one process can, before others are forked that need it as well."""
    for path in [Path(os.environ[name].strip()) for name in _FILES if name in os.environ]:
        try:
            if not path.is_file():
                read_bytes(path)
        except (OSError, ValueError):
            continue  # load_settings will say so


def load_settings() -> Settings:
    """Settings from the environment. Refused, with a sentence for each mistake, when any of them is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        raise Refused(*(_sentence(detail) for detail in error.errors(include_url=False))) from None


def cluster_key() -> bytes | None:
    """TEST_CLUSTER_KEY, which is needed before all settings are read and judged."""
    given = {name.upper(): value.strip() for name, value in os.environ.items()}.get("TEST_CLUSTER_KEY")
    return given.encode() if given else None


def misspelt(names: Iterable[str], options: Iterable[str]) -> list[str]:
    """A sentence for each of the environment's `names` that is no setting and looks like one.

    `options` are the variables of options. Other programs have TEST_* variables too: what looks like none of ours is
    theirs.
    """
    known = VARIABLES.keys() | set(options)
    strangers = sorted(name for name in names if name.startswith(PREFIX) and name not in known)
    meant = {name: looks_like(name, known) for name in strangers}
    return [f"{name} is no setting and is ignored. Did you mean {like}?" for name, like in meant.items() if like]


def _sentence(detail: ErrorDetails) -> str:
    """One mistake: the variable, what it held (unless secret), what is wrong, what is expected."""
    where = str(detail["loc"][0]).upper()
    env = where if where in VARIABLES else PREFIX + where
    field = VARIABLES[env]
    held = "(hidden)" if is_secret(field) else repr(_held(env, field))
    return f"{env} {held} {_reason(detail)}. Expected {field.description}."


def _held(env: str, field: FieldInfo) -> str:
    values = {key.upper(): value for key, value in os.environ.items()}
    held = values.get(env) or str(field.get_default(call_default_factory=True, validated_data={}))
    return without_password(held) if field.description == HOST_SHAPE else held


def _reason(detail: ErrorDetails) -> str:
    error = detail.get("ctx", {}).get("error")
    return str(error) if detail["type"] == "value_error" and error else "is not accepted"


def shown(settings: Settings) -> dict[str, str]:
    """The settings that were given, by variable, fit to be printed: no secret among them."""
    fields = type(settings).model_fields
    return {
        variable(name, fields[name]): ",".join(value) if isinstance(value, tuple) else str(value)
        for name, value in sorted((name, getattr(settings, name)) for name in settings.model_fields_set)
        if value is not None and not is_secret(fields[name])
    }
