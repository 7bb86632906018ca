"""One process of a run, whatever its part: what it checks before there is load, and where it sends it."""

import logging
import time
from argparse import Namespace
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from locust.env import Environment
from pydantic import SecretStr

from chaterload.chater.accounts import Account, expiring
from chaterload.chater.courier import Courier
from chaterload.chater.hosts import host_to_load, take_host
from chaterload.chater.load_context import CURRENT, Leases, LoadContext, make_shared
from chaterload.chater.preflight import preflight
from chaterload.chater.settings import Settings
from chaterload.chater.times import Seconds, SecondsOfDay
from chaterload.chater.tokens import make_token
from chaterload.chater.user import ProtobufUser
from chaterload.exits import Refused, refusing
from chaterload.internals import kill_users, tags_of, tasks_with_tags
from chaterload.judge.silence import Watched
from chaterload.load.rates import ArrivalPlan
from chaterload.load.scenario import excluded_tags, need_account
from chaterload.run.dispatch import Dispatcher
from chaterload.run.lifecycle import Prepared
from chaterload.run.local import CpuGauge, LocalLeases
from chaterload.standin.options import STAND_IN_EMAIL, STAND_IN_SECRET

logger = logging.getLogger(__name__)


class Node:
    """What a process does in a run. Subclasses say how."""

    def __init__(self, environment: Environment, settings: Settings, allowed: tuple[str, ...]) -> None:
        self.environment = environment
        self.settings = settings
        self.allowed = allowed
        """Host names that may be loaded besides internal ones."""
        self.shared: LoadContext | None = None
        """What the users of the last run share; None before the first one, and on a master."""
        self.gauge = CpuGauge()
        self._cleanup_limit_s: float | None = None
        """None while the process may take its time for the clean-up."""

    def check(self, run_id: str, users: int, host: str | None) -> LoadContext | None:
        """Try out what `users` users will need at `host`. Refused when load could not start.

        Returns what the users of this process will share; None on a master, which has none.
        """
        raise NotImplementedError

    def start(self, prepared: Prepared, *, every_task: bool) -> None:
        """A new run begins."""
        if prepared.shared:
            self._begin(prepared.shared, prepared.plan, every_task=every_task)
        else:
            self.gauge.reset()

    def ask_rate(self, rate: float) -> None:
        """So many requests per second from now on, in a run by rate."""
        if self.shared and self.shared.arrivals:
            self.shared.arrivals.ask(rate)

    def _begin(self, shared: LoadContext, plan: ArrivalPlan | None, *, every_task: bool) -> None:
        """From now on users here go on, with what they share."""
        self.gauge.reset()
        shared.every_task = every_task
        if plan:
            shared.arrivals = Dispatcher(
                self.environment, plan, lambda: not shared.without_account, ProtobufUser.deadline.open_count
            )
        self.shared = shared
        ProtobufUser.gaps.start()
        ProtobufUser.deadline.on_check = ProtobufUser.gaps.look
        CURRENT.put(shared)

    def finish(self) -> bool:
        """A run is about to end. Whether its users have stopped when this returns."""
        ProtobufUser.gaps.end()
        if self.shared:
            self.shared.cleanup.hold()
            if self.shared.arrivals:
                self.shared.arrivals.stop()
        return False

    def clean_up(self) -> None:
        """Remove what the users of this process left; they have all stopped."""
        if self.shared:
            if self._cleanup_limit_s is not None:
                self.shared.cleanup.limit(self._cleanup_limit_s)
            self.shared.cleanup.finish(self.tell_cleanup)

    def tell_cleanup(self, left: int) -> None:
        """Say how far the clean-up is: so many dishes are left to remove."""
        logger.info("Cleaning up: %d dish%s left to remove.", left, "" if left == 1 else "es")

    def limit_cleanup(self, seconds: float) -> None:
        """Give the clean-up so many seconds, from its start or from now: whoever ends the process waits no longer."""
        self._cleanup_limit_s = seconds
        if self.shared:
            self.shared.cleanup.limit(seconds)

    def abort_users(self) -> None:
        """End the users and the clean-up at once. What they made stays, and is listed."""
        if self.shared and self.environment.runner:
            self.shared.cleanup.limit(0.0)
            kill_users(self.environment.runner)

    def quit_workers(self) -> None:
        """Tell the workers to quit, where there are any."""

    def report(self) -> dict[str, Any]:
        """What this process did; all that it has of its own, in a form that msgpack carries."""
        waiting, now = ProtobufUser.deadline.open_requests(), time.monotonic()
        ages: dict[tuple[str, str], list[float]] = {}
        for request in waiting:
            ages.setdefault((request.method, request.path), []).append((now - request.began) * 1000)
        return {
            "saturated_s": self.gauge.longest_s,
            "in_flight": [len(waiting), now - waiting[0].began if waiting else 0.0],
            "open": [[method, path, of_endpoint] for (method, path), of_endpoint in ages.items()],
            **(self.shared.report() if self.shared else {}),
        }

    def leftovers(self) -> list[list[Any]]:
        """What this process left on accounts."""
        return self.shared.leftovers() if self.shared else []

    def reports(self) -> list[dict[str, Any]]:
        """What each process did and left."""
        samples = self.shared.samples.all() if self.shared else []
        watched = Watched(ProtobufUser.gaps.all, ProtobufUser.gaps.began)
        return [{**self.report(), "leftovers": self.leftovers(), "samples": samples, "watched": watched}]

    def lost(self) -> list[str]:
        """Which workers were lost, and how."""
        return []


class Local(Node):
    """A run in one process."""

    def __init__(self, environment: Environment, settings: Settings, allowed: tuple[str, ...]) -> None:
        super().__init__(environment, settings, allowed)
        self._seconds = SecondsOfDay()
        """For all runs of this process: a dish that an earlier one left is nobody else's."""

    def check(self, run_id: str, users: int, host: str | None) -> LoadContext:
        options = options_of(self.environment)
        strict = self.settings.accounts_strict

        def leases(accounts: list[Account]) -> LocalLeases:
            return LocalLeases(accounts, strict=strict)

        shared = prepare_users(
            self.environment, self.settings, options, leases, self._seconds, host=host, allowed=self.allowed
        )
        check_accounts(users, len(shared.accounts), strict=strict)
        return shared


def options_of(environment: Environment) -> Namespace:
    """The parsed options, which every process that Locust's command starts has."""
    options: Namespace | None = environment.parsed_options
    assert options is not None
    return options


def all_tasks(environment: Environment) -> list[Callable[..., object]]:
    """The tasks of the chosen user classes, before Locust drops those that the tags leave out."""
    every = dict(environment.available_user_tasks or {})
    classes: dict[str, Any] = environment.available_user_classes or {}
    every |= {user_class.__name__: every[name] for name, user_class in classes.items()}  # imported `as` another name
    return [task for user_class in environment.user_classes for task in every[user_class.__name__] if callable(task)]


def tasks_of(environment: Environment, options: Namespace) -> list[Callable[..., object]]:
    """The tasks that will run. Refused when the tags leave none."""
    every = all_tasks(environment)
    known = sorted(set().union(*(tags_of(task) for task in every)))
    expected = f"Expected tags out of: {', '.join(known)}."
    for option, given in (("--tags", options.tags), ("--exclude-tags", options.exclude_tags)):
        unknown = [tag for tag in given or () if tag not in known]
        if unknown:
            raise Refused(f"{option} {' '.join(unknown)!r} is no tag of a task. {expected}")
    left = tasks_with_tags(every, options.tags, excluded_tags(options.tags, options.exclude_tags))
    if not left:
        raise Refused(
            f"--tags {' '.join(options.tags or [])!r} with --exclude-tags {' '.join(options.exclude_tags or [])!r} "
            f"leaves no task to run. {expected}"
        )
    return left


def with_stand_in(settings: Settings) -> Settings:
    """The settings with tokens that a stand-in accepts, a provider's ID token among them."""
    return settings.model_copy(
        update={
            "jwt_secret": SecretStr(STAND_IN_SECRET),
            "accounts_file": None,
            "user_email": settings.user_email or STAND_IN_EMAIL,
            "auth_token": SecretStr(make_token(STAND_IN_SECRET, STAND_IN_EMAIL, timedelta(days=1))),
        }
    )


def own_host(environment: Environment, settings: Settings) -> str:
    """What to load where neither --host nor the master says. Refused when the user classes name several."""
    own = list({take_host(user_class.host): None for user_class in environment.user_classes if user_class.host})
    if settings.named_host or not own:
        return settings.host
    if len(own) > 1:
        raise Refused(f"The user classes name {len(own)} hosts: {', '.join(own)}. Expected one, or --host.")
    return own[0]


@refusing("Trying out host and accounts")
def prepare_users(
    environment: Environment,
    settings: Settings,
    options: Namespace,
    leases: Callable[[list[Account]], Leases],
    seconds: Seconds,
    *,
    host: str | None,
    allowed: tuple[str, ...],
) -> LoadContext:
    """Everything that users of this process need, tried out. Refused, in sentences, when it does not work.

    `host` is None where this process says; `seconds` is where the times of dishes come from.
    """
    if options.stand_in:
        settings = with_stand_in(settings)
    host = host_to_load(host or own_host(environment, settings), allowed)
    tasks = tasks_of(environment, options)
    # Locust itself filters by them when the run starts
    environment.exclude_tags = excluded_tags(options.tags, options.exclude_tags)
    ask = Courier(host, tls_verify=settings.tls_verify).ask
    shared = make_shared(settings, leases, ask, seconds, accounts=need_account(tasks))
    problem = preflight(host, shared.accounts[0] if shared.accounts else None, tls_verify=settings.tls_verify)
    if problem:
        raise Refused(problem)
    shared.host = host
    _warn_before_start(shared, tasks, options)
    return shared


def _warn_before_start(shared: LoadContext, tasks: list[Callable[..., object]], options: Namespace) -> None:
    """Warn about expiring and placeholder tokens."""
    if options.run_time:
        end = datetime.now(UTC) + timedelta(seconds=options.run_time)
        expires = expiring(shared.accounts, end)
        if expires:
            logger.warning("The token expires at %s, before the run ends.", f"{expires:%Y-%m-%d %H:%M:%S} UTC")
    if shared.settings.auth_token is None and not options.stand_in and any("auth" in tags_of(task) for task in tasks):
        logger.warning(
            "TEST_AUTH_TOKEN is not set: /eater_auth gets a placeholder that a real Chater UI refuses. "
            "Set it, or leave the task out with --exclude-tags auth."
        )


def check_accounts(users: int, accounts: int, *, strict: bool) -> None:
    """Say that users share accounts, which rules out looking for weights; Refused where they may not."""
    if not 0 < accounts < users:
        return
    if strict:
        raise Refused(
            f"{users} users need {users} accounts and there are {accounts}. TEST_ACCOUNTS_STRICT=true forbids sharing."
        )
    logger.warning(
        "%d users share %d account%s: their weights cannot be told apart and are not looked for.",
        users,
        accounts,
        "" if accounts == 1 else "s",
    )
