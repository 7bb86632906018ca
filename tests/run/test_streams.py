"""What stdout may be, in a process whose exit code says whether anything of it mattered."""

import subprocess
import sys
from pathlib import Path

import pytest

PRINT = """
import sys
from chaterload.run.streams import forgive_stdout
forgive_stdout()
assert not (sys.stdout.isatty() or sys.stderr.isatty())
for number in range(3000):
    print("Größe 4.2 % \\u2265", number)
sys.exit(3)
"""


@pytest.mark.parametrize(
    ("to", "encoding"),
    [
        pytest.param("| cat >out", "utf-8", id="a pipe"),
        pytest.param("| cat >out", "ascii", id="an encoding without our characters"),
        pytest.param(">/dev/full", "utf-8", id="a full disk"),
        pytest.param("| true", "utf-8", id="a reader that has gone"),
        pytest.param(">&-", "utf-8", id="closed"),
        pytest.param(">&- 2>&-", "utf-8", id="both closed"),
    ],
)
def test_the_exit_code_is_the_runs(tmp_path: Path, to: str, encoding: str) -> None:
    """Whatever becomes of what is printed, the process ends with the code that it chose, and without a traceback."""
    script = tmp_path / "print.py"
    script.write_text(PRINT, encoding="utf-8")
    done = subprocess.run(
        ["/bin/bash", "-c", f'set -o pipefail; "$1" "$2" {to}', "bash", sys.executable, script],
        env={"PYTHONIOENCODING": encoding, "PYTHONPATH": str(Path.cwd())},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (3, "")
    if "cat" in to:
        lines = (tmp_path / "out").read_text().splitlines()
        assert len(lines) == 3000
        assert lines[7] == ("Größe 4.2 % ≥ 7" if encoding == "utf-8" else r"Gr\xf6\xdfe 4.2 % \u2265 7")
