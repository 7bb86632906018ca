"""The ways an answer can fail, each declared once: its words, and what follows from it."""

from enum import Enum, Flag, auto


class Trait(Flag):
    """What follows from a kind of failure, besides that it is counted."""

    STORED_NOTHING = auto()
    """The server refused (4xx), or was not reached. A 408 tells nothing: the AI is late."""
    MAY_BE_LOAD = auto()
    """A server under too much load answers so. Anything else fails with one user as well."""
    HOPELESS = auto()
    """After it, no load could work. Any other failure is for the load test itself to find and to count."""
    TOKEN_REJECTED = auto()
    """The token's source may have a newer one."""


NO_TRAIT = Trait(0)


class FailureKind(Enum):
    """Every way an answer can fail: what it is called, what it usually means, what to do about it."""

    CONNECTION_REFUSED = (
        "connection refused",
        "nothing listens at the host and port",
        "check --host or TARGET_HOST, and that Chater UI runs there",
        Trait.STORED_NOTHING | Trait.HOPELESS,
    )
    UNKNOWN_HOST = (
        "unknown host",
        "the host's name does not resolve from here",
        "check --host or TARGET_HOST; the default is a name that resolves only inside the cluster",
        Trait.STORED_NOTHING | Trait.HOPELESS,
    )
    TLS = (
        "certificate not trusted",
        "the TLS handshake failed: nobody known vouches for the server, or its port speaks no TLS",
        "check the certificate, or say http://; TEST_TLS_VERIFY=false is for a test system of your own",
        Trait.HOPELESS,
    )
    CONNECTION_BROKEN = (
        "connection broken",
        "the server closed the connection before its answer was whole, or what came is no HTTP: a crash, a restart, "
        "a full backlog, or another protocol at this port",
        "look at the server's restarts and its proxy's log, and check the host's port",
        Trait.MAY_BE_LOAD | Trait.HOPELESS,
    )
    TIMED_OUT = (
        "timed out",
        "no answer within 90 s",
        "look for a worker that hangs, or fewer workers than concurrent requests",
        Trait.MAY_BE_LOAD | Trait.HOPELESS,
    )
    UNANSWERED = (
        "unanswered",
        "the run ended before the server had answered, after longer than the endpoint's limit",
        "look for a worker that hangs; the age of the oldest one tells since when",
    )
    OUT_OF_FILES = (
        "out of file descriptors",
        "the load generator may not open more connections",
        "raise `ulimit -n`, or spread the users over more workers",
        Trait.STORED_NOTHING,
    )
    TOKEN_MISSING = (
        "token missing",
        "the server saw no Authorization header",
        "set TEST_USER_TOKEN; a proxy in front may strip the header",
        Trait.STORED_NOTHING | Trait.HOPELESS,
    )
    TOKEN_INVALID = (
        "token invalid",
        "the token was signed with another secret or was cut",
        "get a token from this very system for TEST_USER_TOKEN, or its secret for TEST_JWT_SECRET",
        Trait.STORED_NOTHING | Trait.HOPELESS | Trait.TOKEN_REJECTED,
    )
    TOKEN_EXPIRED = (
        "token expired",
        "the token's time is over",
        "get a longer one, or a file that is rotated: TEST_USER_TOKEN_FILE",
        Trait.STORED_NOTHING | Trait.HOPELESS | Trait.TOKEN_REJECTED,
    )
    SIGN_IN_REFUSED = (
        "sign-in refused",
        "/eater_auth does not accept the ID token, the provider or a field",
        "set TEST_AUTH_TOKEN to a real ID token, or leave it out with --exclude-tags auth",
    )
    DAILY_LIMIT = (
        "daily limit reached",
        "the account used up its photos or recommendations of the day",
        "spread the users over more accounts, or lift the limit for the test account",
        Trait.STORED_NOTHING,
    )
    PHOTO_REFUSED = (
        "photo refused",
        "the server found no food in the photo, or does not know its type or time",
        "try another TEST_PHOTO_PATH or TEST_PHOTO_TYPE",
        Trait.STORED_NOTHING,
    )
    AI_TIMED_OUT = (
        "AI timed out",
        "the model behind the photo did not answer within 60 s (408)",
        "look at the AI service and its queue",
        Trait.MAY_BE_LOAD,
        408,
    )
    THROTTLED = (
        "throttled",
        "the server, or a proxy in front of it, takes no more requests for now (429)",
        "stay below its limit, or lift it for the test",
        Trait.STORED_NOTHING | Trait.MAY_BE_LOAD,
        429,
    )
    UNAVAILABLE = (
        "backend unavailable",
        "the front door works and what is behind it does not answer (503)",
        "look at the food backend, Kafka and Redis",
        Trait.MAY_BE_LOAD,
        503,
    )
    SERVER_ERROR = (
        "server error",
        "the server failed on a request that is well-formed (5xx)",
        "look at the server's log for the exception",
        Trait.MAY_BE_LOAD,
    )
    BACKEND_SILENT = (
        "silent backend",
        "the server waited for what is behind it until it gave up: an empty 500, or `Failed`, after 20 s or more",
        "look at the food backend, Kafka and Redis; no exception takes that long",
        Trait.MAY_BE_LOAD,
    )
    REQUEST_REFUSED = (
        "request refused",
        "the server finds the request wrong (4xx)",
        "check the host's path and service; compare proto/ and the settings with the server's version",
        Trait.STORED_NOTHING | Trait.HOPELESS,
    )
    REDIRECTED = (
        "redirected",
        "the server sent us elsewhere; we never follow with a token",
        "give the final address as the host",
        Trait.HOPELESS,
    )
    UNEXPECTED_STATUS = (
        "unexpected status",
        "the status is none that Chater UI sends",
        "check that the host is Chater UI and not something in front of it",
    )
    FAILED_WITH_200 = (
        "Failed with 200",
        "the server says that all is well and its text says Failed",
        "look at the food backend: it gave the front door nothing",
    )
    UNDECODABLE = (
        "undecodable body",
        "the body is not the message that belongs to this path",
        "compare proto/ with the server's version; look for a cut connection",
    )
    TOO_LARGE = (
        "answer too large",
        "the answer went on beyond 64 KiB of head, ten interim answers or 64 MiB of body, and was cut off",
        "look at what answers in Chater UI's place: no answer of its own is that large",
    )
    NOT_SUCCESS = (
        "success: false",
        "the server understood and did not do it",
        "look at the server's log for this account",
    )
    WRONG_CONTENT_TYPE = (
        "wrong content type",
        "the answer does not come from the endpoint that was asked",
        "look for a proxy's or a login page in front of the server",
    )
    EMPTY = (
        "empty answer",
        "the server said 200 and nothing else: it does not know the dish, or what is behind it stayed silent for 30 s",
        "look at the food backend, Kafka and Redis",
    )
    TOO_SLOW = (
        "slower than TEST_MAX_RESPONSE_SECONDS",
        "the answer was good and came too late",
        "find the slow part, or fewer users",
        Trait.MAY_BE_LOAD,
    )
    LOST_WRITE = (
        "late or lost write",
        "a write was acknowledged and did not show within TEST_VERIFY_SECONDS",
        "look for what loses or delays it: two photos in one millisecond, two weights in one second, a dropped "
        "message, a queue that does not keep up",
    )
    GHOST_WRITE = (
        "ghost write",
        "a dish that was deleted, and acknowledged as deleted, is still listed",
        "look at the backend's delete and at its cache",
    )

    def __init__(
        self, title: str, meaning: str, action: str, traits: Trait = NO_TRAIT, status: int | None = None
    ) -> None:
        self.title = title
        self.meaning = meaning
        self.action = action
        self.traits = traits
        self.status = status
        """The one status that says nothing else; None where a status is not enough."""
