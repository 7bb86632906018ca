"""The complete jobs of docs/ci: what they run, with which exit code, and that no secret stands on a command line.

`make check` holds them to the schemas of GitHub Actions and GitLab CI.
"""

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs/ci"
LOCUST = ".venv/bin/locust"

GITHUB = yaml.safe_load((FOLDER / "github-actions.yml").read_text(encoding="utf-8"))["jobs"]["load-test"]
GITLAB = yaml.safe_load((FOLDER / "gitlab-ci.yml").read_text(encoding="utf-8"))["load-test"]
STEPS: list[dict[str, Any]] = GITHUB["steps"]
LOAD = next(step for step in STEPS if LOCUST in step.get("run", ""))

SCRIPTS: dict[str, str] = {
    "github": "\n".join(step["run"] for step in STEPS if "run" in step),
    "gitlab": "\n".join([*GITLAB["before_script"], *GITLAB["script"]]),
}
"""What each job types into its shell."""

STUB = """#!/bin/sh
echo "$@" >> runs.txt
exit $(sed -n "$(wc -l < runs.txt)p" codes.txt)
"""
"""In the place of Locust: notes its options, and exits as it is told."""


def locust_options(script: str) -> list[str]:
    """The options of the one locust command in a script."""
    (command,) = re.findall(rf"{re.escape(LOCUST)} (.*)", re.sub(r"\\\n", " ", script))
    return shlex.split(command.partition("||")[0])


def run(script: str, folder: Path, *codes: int) -> tuple[int, int]:
    """The exit code of a script whose Locust exits with `codes`, one after the other, and how often that ran."""
    programs = folder / "programs"
    for name, text in {"programs/make": "#!/bin/sh", LOCUST: STUB}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    (folder / "codes.txt").write_text("".join(f"{code}\n" for code in codes))
    done = subprocess.run(
        ["/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env={"PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.stderr == ""
    return done.returncode, (folder / "runs.txt").read_text().count("\n")


@pytest.mark.parametrize(
    ("codes", "end", "times"),
    [((0,), 0, 1), ((3,), 3, 1), ((2,), 2, 1), ((1,), 1, 1), ((4, 0), 0, 2), ((4, 3), 3, 2), ((4, 4), 4, 2)],
)
def test_githubs_job_ends_as_the_run_does(tmp_path: Path, codes: tuple[int, ...], end: int, times: int) -> None:
    """Only a run that proves nothing is repeated, once; the job ends with the last run's exit code."""
    assert run(SCRIPTS["github"], tmp_path, *codes) == (end, times)


@pytest.mark.parametrize("code", [0, 3, 4])
def test_gitlabs_job_ends_as_the_run_does(tmp_path: Path, code: int) -> None:
    """The script ends with the run's exit code, and GitLab repeats what proves nothing, once."""
    assert run(SCRIPTS["gitlab"], tmp_path, code) == (code, 1)
    assert GITLAB["retry"] == {"max": 1, "exit_codes": 4}


@pytest.mark.parametrize("name", SCRIPTS)
def test_old_results_go(tmp_path: Path, name: str) -> None:
    """The newest 30 runs are kept, and the page of all runs, which is no run."""
    runs = [tmp_path / f"results/2026-01-{day:02}T02-30-00Z" for day in range(1, 32)]
    for folder in runs:
        folder.mkdir(parents=True)
        (folder / "verdict.json").touch()
    (tmp_path / "results/index.html").touch()
    run(SCRIPTS[name], tmp_path, 0)
    assert sorted(path for path in (tmp_path / "results").iterdir()) == [*runs[1:], tmp_path / "results/index.html"]


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_secret_is_on_a_command_line(name: str) -> None:
    """No script names a token, and none pastes what somebody typed into a form."""
    assert "TOKEN" not in SCRIPTS[name]
    assert "${{" not in SCRIPTS[name]


def test_the_token_is_for_one_step() -> None:
    """GitHub's job gives the token, from its store of secrets, to the step that loads and to no other."""
    assert LOAD["env"] == {"TEST_USER_TOKEN": "${{ secrets.TEST_USER_TOKEN }}"}
    assert "secrets." not in str([GITHUB["env"], *(step for step in STEPS if step is not LOAD)])


def test_each_variable_is_one_of_ours() -> None:
    """The variables that the jobs set, and those that they ask for, are in the table of settings."""
    page = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    asked = re.findall(r"\b(?:TEST|TARGET)_[A-Z_]+", "".join(path.read_text() for path in FOLDER.iterdir()))
    for name in {*GITHUB["env"], *LOAD["env"], *GITLAB["variables"], *asked}:
        assert f"| {name} |" in page, name


def test_what_is_kept_is_what_is_written() -> None:
    """Each file that a job hands out is one that its run writes, and both keep the folder of results for the next."""
    uploads = next(step for step in STEPS if "upload-artifact" in step.get("uses", ""))["with"]["path"].split()
    caches = [step["with"] for step in STEPS if "actions/cache/" in step.get("uses", "")]
    assert [cache["path"] for cache in caches] == ["results", "results"]
    assert caches[0]["key"] == caches[1]["key"]
    assert caches[0]["key"].startswith(caches[0]["restore-keys"])
    kept = [path.rstrip("/") for path in (*GITLAB["artifacts"]["paths"], GITLAB["artifacts"]["reports"]["junit"])]
    assert GITLAB["cache"]["paths"] == ["results/"]
    for name, files in (("github", uploads), ("gitlab", kept)):
        options = locust_options(SCRIPTS[name])
        assert set(files) <= set(options), name
        assert options[options.index("--baseline") + 1] == "last-good"
