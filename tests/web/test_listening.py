"""Where the web UI listens, and the warning where others reach it."""

import pytest

from chaterload.exits import Refused
from chaterload.web.listening import default_host
from tests.web.conftest import Make


def test_without_a_login_it_listens_on_loopback() -> None:
    """Unless somebody says otherwise, a web UI that asks for no password is this machine's alone."""
    assert default_host(login=False) == "127.0.0.1"
    assert default_host(login=True) == ""


def test_an_empty_variable_says_nothing(make: Make) -> None:
    """LOCUST_WEB_HOST= opens nothing; * does."""
    assert make("", web_host="").web_ui.host == "127.0.0.1"
    assert make("", web_host="*").web_ui.host == ""


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::"])
def test_a_web_ui_that_others_reach(
    make: Make, host: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond loopback and without a login the process warns; with one it does not."""
    make(host, web_host=host or "*")
    assert "without a login" in caplog.text
    caplog.clear()
    monkeypatch.setenv("LOCUST_WEB_USERNAME", "ops")
    monkeypatch.setenv("LOCUST_WEB_PASSWORD", "secret")
    make(host, web_host=host or "*", login=True)
    assert "without a login" not in caplog.text


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_a_web_ui_that_others_do_not_reach(make: Make, host: str, caplog: pytest.LogCaptureFixture) -> None:
    """On loopback there is nothing to warn of."""
    make(host)
    assert "without a login" not in caplog.text


def test_an_address_of_another_machine(make: Make) -> None:
    """What cannot be listened on is told in a sentence."""
    with pytest.raises(Refused, match="cannot be listened on"):
        make("192.0.2.1")
