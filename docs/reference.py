"""Write what the code says of itself into docs and k8s/base/settings.env (`make docs`): settings, options, the JSON."""

import ast
import inspect
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from locust.argument_parser import LocustArgumentParser

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from chaterload.chater.settings import IN_CLUSTER, Settings, is_secret, variable  # noqa: E402
from chaterload.internals import options_of  # noqa: E402
from chaterload.report.document import schema  # noqa: E402
from chaterload.run.options import TITLE, add_options  # noqa: E402

PAGE, SETTINGS_ENV = ROOT / "docs/settings.md", ROOT / "k8s/base/settings.env"
SCHEMA = ROOT / "docs/verdict.schema.json"
TABLE = re.compile(r"(?<=\| variable \| option \| default \| meaning \|\n\|---\|---\|---\|---\|\n)(\|.*\n)+")
ENV_HEAD = """\
# Made by `make docs`: every setting that is no secret. What has a # in front shows its default.
# A file that is named here has to be mounted, from a Secret; a host needs a way through the network policy.
# Accounts and objectives have a Secret and a ConfigMap of their own: see ../README.md.
"""
MOUNTED = {"accounts_file"}
"""Settings that the overlays set themselves."""
DEFAULT_HOST = {"target_host": IN_CLUSTER}
SAME = {"allow_host": "`--allow-host`"}
"""Options beside a setting that mean the same."""
LOCUSTS_OWN = (
    ("LOCUST_HOST", "`--host`", "", "Base URL of Chater UI; wins over TARGET_HOST"),
    ("LOCUST_USERS", "`--users`", "1", "How many users at once"),
    ("LOCUST_SPAWN_RATE", "`--spawn-rate`", "1", "How many of them start in a second"),
    ("LOCUST_RUN_TIME", "`--run-time`", "", "How long, such as 90s or 1h30m; for ever when not set"),
)
"""Of Locust's options those that a plain run has."""


def meanings() -> dict[str, str]:
    """What each setting means: the docstring below its field, without its full stop."""
    (settings,) = ast.parse(inspect.getsource(Settings)).body
    assert isinstance(settings, ast.ClassDef)
    told = {}
    for field, text in zip(settings.body, settings.body[1:], strict=False):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(meaning))):
                told[name] = meaning.rstrip(".")
    return told


def shown(default: object) -> str:
    """A default as one writes it into a variable; nothing where there is none, or another one every day."""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, float):
        return f"{default:g}"
    return str(default) if isinstance(default, (int, str, Path)) else ""


def defaults() -> dict[str, str]:
    """Of each setting."""
    return {name: shown(field.default) for name, field in Settings.model_fields.items()} | DEFAULT_HOST


def setting_rows() -> Iterator[tuple[str, str, str, str]]:
    """A row of the table for each setting."""
    told, default = meanings(), defaults()
    for name, field in Settings.model_fields.items():
        yield variable(name, field), SAME.get(name, ""), default[name], told[name]


def option_rows() -> Iterator[tuple[str, str, str, str]]:
    """A row of the table for each option of ours that is not beside a setting."""
    parser = LocustArgumentParser()
    add_options(parser)
    for option in options_of(parser):
        name = f"`{option.name}`"
        if option.group.startswith(TITLE) and name not in SAME.values():
            meaning = re.sub(r" \(default [^)]*\)$", "", option.help.replace("%%", "%"))
            yield option.env_var or "", name, shown(option.default).replace("==SUPPRESS==", ""), meaning


def table() -> str:
    """The rows of the table in docs/settings.md."""
    rows = [*LOCUSTS_OWN, *setting_rows(), *option_rows()]
    cells = [
        (name, option, default and f"`{default}`", sentence_case(meaning)) for name, option, default, meaning in rows
    ]
    return "".join("|" + "".join(f" {cell} |" if cell else " |" for cell in row) + "\n" for row in cells)


def sentence_case(text: str) -> str:
    """`text` with a capital in front."""
    return text[:1].upper() + text[1:]


def settings_env() -> str:
    """The variables of a Kubernetes ConfigMap, all but that of the host commented out."""
    told, default = meanings(), defaults()
    lines = [
        f"# {told[name]}\n{'' if name in DEFAULT_HOST else '#'}{variable(name, field)}={default[name]}\n"
        for name, field in Settings.model_fields.items()
        if name not in MOUNTED and not is_secret(field)
    ]
    return ENV_HEAD + "".join(lines)


def schema_text() -> str:
    """The JSON Schema of the verdict JSON, as its file holds it."""
    return json.dumps(schema(), indent=2) + "\n"


if __name__ == "__main__":
    PAGE.write_text(TABLE.sub(lambda _: table(), PAGE.read_text(encoding="utf-8"), count=1), encoding="utf-8")
    SETTINGS_ENV.write_text(settings_env(), encoding="utf-8")
    SCHEMA.write_text(schema_text(), encoding="utf-8")
