"""The files that a run is judged by are read as the options name them."""

import logging

import pytest

from chaterload.judge.objectives_file import DEFAULT_FILE
from chaterload.run.criteria import PassCriteria


@pytest.mark.parametrize("is_empty_folder", [True, False])
def test_an_empty_folder_is_told(tmp_path, caplog, is_empty_folder):
    """The log says that an empty folder stands for our own objectives, and nothing of a folder where they are named."""
    named = str(tmp_path if is_empty_folder else DEFAULT_FILE)
    with caplog.at_level(logging.INFO):
        found = PassCriteria.load(named, None, 0.1)
    assert found.objectives == PassCriteria.load(None, None, 0.1).objectives
    assert ("is an empty folder" in caplog.text) == is_empty_folder
