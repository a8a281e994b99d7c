"""The records of tasks: what flags, data and defaults each has."""

import subprocess
import sys

import pytest

from edge_tf.data import tasks
from edge_tf.errors import UserError
from edge_tf.models import DEFAULT_MODELS, MODELS
from tests.edge_tf import recorded


def test_a_task_that_is_not_known_is_refused():
    with pytest.raises(UserError, match="task 'doorbells' is unknown; choose one of kws12, "):
        tasks.load(recorded.data_flags(task="doorbells"))


@pytest.mark.parametrize("task", tasks.TASKS.values(), ids=lambda task: task.name)
def test_a_task_has_a_model_with_defaults(task):
    assert task.domain in MODELS[DEFAULT_MODELS[task.domain]].defaults


@pytest.mark.parametrize("task", tasks.TASKS.values(), ids=lambda task: task.name)
def test_a_task_says_what_is_wrong_with_its_data(task, tmp_path):
    with pytest.raises(UserError, match=f"--data_dir={tmp_path}"):
        tasks.load(recorded.data_flags(tmp_path, task=task.name))


def test_flags_are_asked_without_tensorflow():
    code = "import sys, edge_tf.data.tasks; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
