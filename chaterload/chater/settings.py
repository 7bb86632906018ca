"""What a run is told through environment variables, validated as a whole before any request.

Settings are variables and not Locust options because a master sends its options to every worker and shows
them in its web page; these hold secrets, and a token may be set on the workers alone.
"""

import logging
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from chaterload.chater.accountsfile import ACCOUNTS_SHAPE
from chaterload.chater.hosts import HOST_SHAPE, base_url
from chaterload.chater.photo import IMAGE_SHAPE, check_photo
from chaterload.chater.textfiles import find_file, read_bytes
from chaterload.chater.tokens import TOKEN_SHAPE, read_token_of

logger = logging.getLogger(__name__)

NO_DISH = {"weight_prompt": "stores a weight and no dish", "get_recommendation": "stores no dish"}
"""Types of photo that Chater UI takes for something else."""

ROOT = Path(__file__).resolve().parents[2]
"""The folder of the locustfile and of image.png."""

IN_CLUSTER = "http://chater-ui.chater-ui.svc.cluster.local:5000"
DATE_FORMAT = "%d-%m-%Y"
PREFIX = "TEST_"


def _today(days_ago: int = 0) -> str:
    return (datetime.now(UTC) - timedelta(days=days_ago)).strftime(DATE_FORMAT)


def parse_date(text: str) -> date:
    """`text` as dd-mm-yyyy, and nothing that merely resembles it. ValueError otherwise."""
    parsed = datetime.strptime(text, DATE_FORMAT).replace(tzinfo=UTC).date()
    if parsed.strftime(DATE_FORMAT) != text:
        raise ValueError("not dd-mm-yyyy")
    return parsed


def _check_date(text: str) -> str:
    try:
        parse_date(text)
    except ValueError:
        raise ValueError("is not a date") from None
    return text


def _check_file(path: Path) -> Path:
    read_bytes(path)
    return path.absolute()


def _check_accounts(path: Path) -> Path | None:
    file = find_file(path)
    return file and _check_file(file)


def _check_photo(path: Path) -> Path:
    return check_photo(path, beside=ROOT)


def _check_token(secret: SecretStr) -> SecretStr:
    return SecretStr(read_token_of("TEST_USER_TOKEN", secret.get_secret_value()).text)


def _without_line_break(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    bare = text.rstrip("\r\n")
    if bare != text:
        logger.warning("TEST_JWT_SECRET ends with a line break, which is left out.")
    return SecretStr(bare)


def _split_names(text: object) -> object:
    return tuple(name.strip() for name in text.split(",") if name.strip()) if isinstance(text, str) else text


Date = Annotated[str, AfterValidator(_check_date)]
Host = Annotated[str, AfterValidator(base_url)]
Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]
_DATE = "a date as dd-mm-yyyy, such as 31-12-2025"
_EMAIL = "an e-mail address"


class Settings(BaseSettings):
    """The variables by their names in lower case, without `TEST_`.

    A description says what is expected, in refusals; the docstring what it means, in docs/settings.md (`make docs`).
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    target_host: Host | None = Field(None, validation_alias="TARGET_HOST", description=HOST_SHAPE)
    """Base URL of Chater UI."""
    eater_target_host: Host | None = Field(None, validation_alias="EATER_TARGET_HOST", description=HOST_SHAPE)
    """The older name of TARGET_HOST; where both are set, TARGET_HOST wins."""
    user_token: Annotated[SecretStr, AfterValidator(_check_token)] | None = Field(None, description=TOKEN_SHAPE)
    """JWT to sign in with."""
    user_email: Email | None = Field(None, description=_EMAIL + "; the token's sub when it is not set")
    """E-mail of the account; it has to be the token's own (`sub`), which is also the default."""
    photo_path: Annotated[Path, AfterValidator(_check_photo)] = Field(
        Path("image.png"), validate_default=True, description=IMAGE_SHAPE
    )
    """The photo to upload; a relative path is also looked for beside the locustfile."""
    photo_type: str = Field("default_prompt", description="a type of photo that Chater UI stores as a dish")
    """What kind of photo it is, in Chater UI's words."""
    custom_date: Date = Field(default_factory=lambda: _today(1), description=_DATE)
    """The day to ask for, dd-mm-yyyy; by default yesterday, UTC."""
    language_code: str = Field(
        "en", pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$", description="a language code such as en"
    )
    """The language to set."""
    recommendation_days: int = Field(1, ge=1, le=2**31 - 1, description="a whole number of days, 1 or more")
    """Days to ask a recommendation for."""
    alcohol_start: Date = Field(default_factory=lambda: _today(7), description=_DATE)
    """First day to ask drinks of, dd-mm-yyyy; by default seven days ago, UTC."""
    alcohol_end: Date = Field(default_factory=_today, validate_default=True, description=_DATE)
    """Last day to ask drinks of, dd-mm-yyyy; by default today, UTC."""
    feedback_text: str = Field("Load test feedback message", pattern=r"\S", description="a text that is not blank")
    """The feedback to send."""
    auth_provider: Literal["google", "apple"] = Field("google", description="google or apple")
    """Who vouches for a sign-in: google or apple."""
    auth_token: SecretStr | None = Field(None, description="an ID token of the provider")
    """ID token of the provider; by default a placeholder, which a real Chater UI refuses."""
    auth_email: Email | None = Field(None, description=_EMAIL)
    """E-mail to sign in with; by default the account's."""
    auth_name: str = Field("Locust Tester", description="a name")
    """Name to sign in with."""
    auth_profile_url: str = Field("https://example.com/locust-tester.png", description="a URL")
    """Picture to sign in with."""
    max_response_seconds: float | None = Field(None, gt=0, description="seconds, more than 0")
    """A slower answer counts as failed."""
    prometheus_url: Host | None = Field(None, description=HOST_SHAPE)
    """Prometheus server to ask the `[[query]]` objectives of."""
    tls_verify: bool = Field(True, description="true or false")
    """Check the server's certificate."""
    verify_writes: bool = Field(True, description="true or false")
    """Look for acknowledged writes."""
    verify_seconds: float = Field(2.0, ge=0, le=60, description="seconds from 0 to 60")
    """How late a write may show."""
    cleanup_seconds: float = Field(3.0, gt=0, le=300, description="seconds, more than 0 and up to 300")
    """How long the clean-up may take after SIGTERM; else it goes on as long as it makes progress."""
    allow_host: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_names)] = Field(
        (), description="host names with commas between"
    )
    """Hosts outside the cluster that may be loaded, with commas between."""
    accounts_file: Annotated[Path, AfterValidator(_check_accounts)] | None = Field(None, description=ACCOUNTS_SHAPE)
    """CSV of email,token: many accounts; a folder stands for the one file in it, or for none when it is empty."""
    jwt_secret: Annotated[SecretStr, AfterValidator(_without_line_break)] | None = Field(
        None, description="the secret that Chater UI signs its tokens with"
    )
    """The secret that Chater UI signs its tokens with; the load test then makes tokens of its own."""
    accounts: int = Field(1, ge=1, le=100_000, description="a whole number of accounts from 1 to 100000")
    """How many accounts to make tokens for."""
    accounts_strict: bool = Field(False, description="true or false")
    """Refuse more users than accounts."""
    cluster_key: Annotated[SecretStr, Field(min_length=16)] | None = Field(
        None, description="a secret of 16 characters or more, the same on a master and its workers"
    )
    """A secret that a master and its workers share; a process without it cannot be a worker."""
    user_token_file: Annotated[Path, AfterValidator(_check_file)] | None = Field(
        None, description="a readable file that holds a JWT"
    )
    """A file that holds the token, read again when it nears its end or is rejected."""

    @field_validator("*", mode="before")
    @classmethod
    def _without_white_space(cls, value: object, info: ValidationInfo) -> object:
        """A line break at the end of a value, as files and stores of secrets put there, is no part of it.

        Two settings have validators of their own that tell of it.
        """
        own = info.field_name in ("jwt_secret", "user_token")
        return value.strip() if isinstance(value, str) and not own else value

    @field_validator("alcohol_end")
    @classmethod
    def _range_in_order(cls, end: str, info: ValidationInfo) -> str:
        start = info.data.get("alcohol_start")
        if start is not None and parse_date(end) < parse_date(start):
            raise ValueError(f"ends before TEST_ALCOHOL_START, which is {start!r}")
        return end

    @field_validator("photo_type")
    @classmethod
    def _stores_a_dish(cls, photo_type: str) -> str:
        if what := NO_DISH.get(photo_type):
            raise ValueError(f"{what}, so that each photo would count as a lost dish")
        return photo_type

    def fingerprint(self) -> str:
        """Equal for processes that were given the same settings; tells nothing of secrets, hosts or file paths."""
        own = {
            "user_token",
            "prometheus_url",
            "user_token_file",
            "accounts_file",
            "photo_path",
            "target_host",
            "eater_target_host",
        }
        given = self.model_dump(include=self.model_fields_set - own, mode="json")
        secret = {name for name in given if is_secret(type(self).model_fields[name])}
        text = repr(sorted((name, value) for name, value in given.items() if name not in secret))
        return sha256(text.encode()).hexdigest()

    def secrets(self) -> list[str]:
        """What must never be shown."""
        values = (getattr(self, name) for name, field in type(self).model_fields.items() if is_secret(field))
        return [value.get_secret_value() for value in values if value is not None]

    @property
    def named_host(self) -> str | None:
        """The base URL that the settings name; --host and LOCUST_HOST come first."""
        return self.target_host or self.eater_target_host

    @property
    def host(self) -> str:
        """The base URL to load when nobody names another."""
        return self.named_host or IN_CLUSTER


def is_secret(field: FieldInfo) -> bool:
    """Whether a setting's value must never be shown."""
    return "SecretStr" in str(field.annotation)


def variable(name: str, field: FieldInfo) -> str:
    """The environment variable that a field of Settings is read from."""
    alias = field.validation_alias
    return alias if isinstance(alias, str) else PREFIX + name.upper()
