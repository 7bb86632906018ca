"""Everything that we do to Locust's web UI before it is served."""

from locust.web import WebUI

from chaterload.chater.settings import Settings
from chaterload.run.controller import RunController
from chaterload.run.node import options_of
from chaterload.web import login, scrape
from chaterload.web.form_guard import Hosts, guard_forms
from chaterload.web.listening import listen_safely
from chaterload.web.pages import add_downloads, add_log_out, add_tab, guard_pages
from chaterload.web.server import bound_connections


def set_up(web_ui: WebUI, control: RunController, settings: Settings, allowed: tuple[str, ...]) -> None:
    """Guard its entrances and add our pages. `allowed` are the names of --allow-host. Refused when it cannot listen."""
    options, app = options_of(control.environment), web_ui.app
    assert app is not None
    listen_safely(web_ui, options.web_known_as or [])
    bound_connections(web_ui)
    guard_pages(app)
    login.protect(web_ui, options.web_base_path)
    if web_ui.web_login:
        add_log_out(app)
    configured = (settings.host, settings.target_host, settings.eater_target_host)
    guard_forms(web_ui, control, Hosts(control.environment.host, () if options.stand_in else configured, allowed))
    scrape.add_page(web_ui, control, options.web_base_path)
    if control.judge:
        add_tab(web_ui, control)
        add_downloads(web_ui, control, options.web_base_path)
