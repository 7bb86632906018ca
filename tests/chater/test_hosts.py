"""Only a test cluster is loaded, unless another host is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.chater.hosts import base_url, host_to_load, is_internal, without_password
from chaterload.exits import Refused


def refusal(url, allowed):
    """Why a host must not be loaded, None when it may."""
    try:
        host_to_load(url, allowed)
    except Refused as refused:
        return str(refused)
    return None


INTERNAL = [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "x.localhost",
    "127.0.0.1",
    "127.1",
    "0x7f000001",
    "2130706433",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.1.1",
    "167837955",
    "::1",
    "fd00::1",
    "fe80::1",
    "fe80::1%eth0",
    "::ffff:10.1.2.3",
    "chater-ui",
    "chater-ui.chater-ui.svc.cluster.local",
    "chater-ui.chater-ui.svc.cluster.local.",
    "x.svc",
    "X.SVC",
    "printer.local",
    "chater.internal",
    "chater.test",
]
FOREIGN = [
    "example.com",
    "EXAMPLE.com",
    "example.com.",
    "8.8.8.8",
    "8.8.8.8.",
    "134744072",
    "0x08080808",
    "0x8.8",
    "8.8",
    "010.8.8.8",
    "172.32.0.1",
    "100.64.0.1",
    "::ffff:8.8.8.8",
    "::ffff:808:808",
    "2001:4860:4860::8888",
    "64:ff9b::808:808",
    "svc.example.com",
    "x.svc.example.com",
    "local.com",
    "notlocal.xlocal",
    "localhost.example.com",
    "127.0.0.1.example.com",
    "10.1.2.3.4",
]


@pytest.mark.parametrize("name", INTERNAL)
def test_internal_names(name):
    """Loopback, private, link-local, single-label and cluster-internal names are fine, however they are spelled."""
    assert is_internal(name)


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_names(name):
    """Every other name is not, also in the shorthands that resolvers accept."""
    assert not is_internal(name)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://chater-ui:5000", ()),
        ("https://chater-ui", ()),
        ("http://127.0.0.1:5000/", ()),
        ("http://[::1]:5000", ()),
        ("http://[fd00::1]", ()),
        ("http://10.1.2.3/base", ()),
        ("https://example.com", ("example.com",)),
        ("https://EXAMPLE.com:8443", ("example.com",)),
        ("https://example.com", ("other.com", "EXAMPLE.com")),
        ("https://example.com.", ("example.com",)),
        ("https://example.com", ("example.com.",)),
        ("http://8.8.8.8", ("8.8.8.8",)),
        ("https://example.com:8443", ("https://Example.com/",)),
        ("https://example.com", (" example.com\n",)),
    ],
)
def test_hosts_that_may_be_loaded(url, allowed):
    """An internal host may be loaded, and one that is named, in any case and with any port."""
    assert refusal(url, allowed) is None


@pytest.mark.parametrize(
    ("url", "name", "allowed"),
    [
        ("https://example.com:5000", "example.com", ()),
        ("https://EXAMPLE.com.", "example.com", ()),
        ("https://sub.example.com", "sub.example.com", ("example.com",)),
        ("https://example.com.evil.com", "example.com.evil.com", ("example.com",)),
        ("http://134744072", "134744072", ()),
        ("http://0x08080808", "0x08080808", ()),
        ("http://[::ffff:8.8.8.8]:80", "::ffff:8.8.8.8", ()),
        ("http://localhost\\.example.com", "localhost\\.example.com", ()),
    ],
)
def test_foreign_hosts_are_refused(url, name, allowed):
    """The refusal names the host and both ways to allow it."""
    assert refusal(url, allowed) == (
        f"The host {name!r} is neither local nor internal to a cluster. If you may load it, say so: "
        f"--allow-host {name} or TEST_ALLOW_HOST={name}."
    )


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "has no http:// or https:// in front"),
        ("chater-ui:5000", "has no http:// or https:// in front"),
        ("//chater-ui", "has no http:// or https:// in front"),
        ("ftp://chater-ui", "has no http:// or https:// in front"),
        ("http://", "names no host"),
        ("http:///path", "names no host"),
        ("http://:5000", "names no host"),
        ("http://h:70000", "has a port that is no number from 0 to 65535"),
        ("http://h:5OOO", "has a port that is no number from 0 to 65535"),
        ("http://[::1", "is not a URL"),
        ("http://user:pass@h", "carries a user name or password, which would be printed"),
        ("http://user@h", "carries a user name or password, which would be printed"),
        ("http://h?x=1", "is more than a base URL"),
        ("http://h#x", "is more than a base URL"),
        ("http://h/ x", "is more than a base URL"),
        ("http://exam\tple.com", "is more than a base URL"),
        ("http://h\nx", "is more than a base URL"),
        ("http://h/é", "is more than a base URL"),
        ("http://h/a\\b", "is more than a base URL"),
        ("http://h\x7f", "is more than a base URL"),
        # Resolvers read these as example.com, 8.8.8.8 and 8.8.8.8.
        ("http://example。com", "has a name beyond ASCII, which resolvers may read as another one"),
        ("http://8。8。8。8", "has a name beyond ASCII, which resolvers may read as another one"),
        ("http://\uff1134744072", "has a name beyond ASCII, which resolvers may read as another one"),
    ],
)
def test_what_is_no_base_url(url, problem):
    """What is no base URL is refused in a sentence that says why, whatever is allowed."""
    with pytest.raises(ValueError, match=r"^[a-z]") as error:
        base_url(url)
    assert str(error.value) == problem
    sentence = refusal(url, ("h", "example.com"))
    assert sentence is not None
    assert f" {problem}. Expected http://NAME:PORT or https://NAME:PORT." in sentence


@pytest.mark.parametrize(
    "url",
    [
        "http://user:secret@h",
        "http://user:secret@example.com",
        "http://user:p@secret@h",
        "http://u:sec/secret@h",
        "ftp://user:secret@h",
        "user:secret@h",
        "http://user:secret@",
        "user:x//secret@h",
    ],
)
def test_passwords_are_not_shown(url):
    """A password in a URL is in no sentence about it."""
    assert "secret" not in without_password(url)
    assert "secret" not in str(refusal(url, ()))


@given(st.text(), st.sampled_from(["", "http://", "https://", "http://[", "http://u@"]), st.lists(st.text()))
def test_any_text_gets_an_answer(text, scheme, allowed):
    """No text raises; each is fine, or refused in one sentence."""
    sentence = refusal(scheme + text, allowed)
    assert sentence is None or (sentence.startswith("The host ") and sentence.endswith("."))
    assert isinstance(is_internal(text), bool)


@given(st.integers(0, 2**32 - 1))
def test_spellings_agree(number):
    """An IPv4 address is judged the same as dotted, decimal, hexadecimal and as mapped into IPv6."""
    dotted = ".".join(str(byte) for byte in number.to_bytes(4))
    spellings = [dotted, str(number), hex(number), f"::ffff:{dotted}"]
    assert len({is_internal(spelling) for spelling in spellings}) == 1


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://h:5000", "http://h:5000"),
        ("http://h:5000/", "http://h:5000"),
        ("http://h:5000//", "http://h:5000"),
        (" http://h:5000/\n", "http://h:5000"),
        ("http://h/prefix", "http://h/prefix"),
        ("http://h/prefix/", "http://h/prefix"),
        ("http://h//pre//fix/", "http://h/pre/fix"),
        ("HTTP://H:5000/Prefix", "http://h:5000/Prefix"),
        ("http://h:", "http://h"),
        ("http://h:05000", "http://h:5000"),
        ("http://h?", "http://h"),
        ("http://[FD00::1]:80/", "http://[fd00::1]:80"),
    ],
)
def test_one_way_to_write_a_host(text, url):
    """Slashes, letters' case and white space make no second host, and a path in front of Chater UI's stays."""
    assert base_url(text) == url


@given(
    st.text(),
    st.sampled_from(["", "http://", "HTTPS://h", "http://h/", "http://[::1]:5/"]),
    st.text(" \n/", max_size=3),
)
def test_any_host_becomes_one_that_stays(text, before, after):
    """What is accepted is written in one way, to which a path can be put, however often it is read."""
    try:
        url = base_url(before + text + after)
    except ValueError as error:
        assert str(error)[0].islower()  # noqa: PT017  # an error is one of two good ends
        return
    assert base_url(url) == base_url(f" {url}/\n") == url
    assert "//" not in url.partition("://")[2]
    assert not url.endswith("/")
    assert url.isascii()
