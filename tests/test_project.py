"""What is committed fits together: the generated modules are those of the .proto files."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PROTO = Path(__file__).resolve().parents[1] / "proto"
FILES = sorted(path.name for path in PROTO.glob("*.proto"))


def generate(target, *options):
    """Run protoc in proto/ on all of its files, as `make proto` does."""
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", *(f"{option}={target}" for option in options), *FILES]
    subprocess.run(command, cwd=PROTO, check=True, capture_output=True, text=True)


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    target = tmp_path_factory.mktemp("generated")
    generate(target, "--python_out", "--pyi_out")
    return target


def test_the_files_are_the_platforms():
    """The eleven .proto files have the platform's own names, so that its changed ones can be copied over."""
    assert [name.removesuffix(".proto") for name in FILES] == [
        "alcohol",
        "custom_date_food",
        "delete_food",
        "eater_photo",
        "feedback",
        "food_health_level",
        "get_recomendation",
        "manual_weight",
        "modify_food_record",
        "set_language",
        "today_food",
    ]


@pytest.mark.parametrize("suffix", ["_pb2.py", "_pb2.pyi"])
def test_generated_modules_are_fresh(generated, suffix):
    """What is committed is what `make proto` makes of the .proto files now, no more and no less."""
    fresh = {path.name: path.read_text(encoding="utf-8") for path in generated.glob(f"*{suffix}")}
    committed = {path.name: path.read_text(encoding="utf-8") for path in PROTO.glob(f"*{suffix}")}
    assert sorted(fresh) == sorted(committed) == [name.replace(".proto", suffix) for name in FILES]
    assert [name for name in fresh if fresh[name] != committed[name]] == []


def test_protoc_alone_is_enough(tmp_path):
    """`cd proto && protoc --python_out=. *.proto` works, and since no file imports another, so do its modules."""
    generate(tmp_path, "--python_out")
    for name in FILES:
        assert not re.search(r"^\s*import\b", (PROTO / name).read_text(encoding="utf-8"), re.MULTILINE)
    modules = ", ".join(name.replace(".proto", "_pb2") for name in FILES)
    subprocess.run([sys.executable, "-c", f"import {modules}"], cwd=tmp_path, check=True, capture_output=True)
