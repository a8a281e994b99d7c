"""One run on real speech from the first stage to the last, for all tests that start from one."""

from pathlib import Path

import pytest

from tests import shared
from tests.pipelines.starting import start

# What every chain on words gives again: the training is then a finished one.
TRAINING = (
    *("--task=words", "--words=no,stop,yes", "--unknown_share=1"),
    *("--epochs=8", "--batch_size=20", "--nostreaming"),
)
CONVERSION = ("--representative_clips=60",)


@pytest.fixture(scope="session")
def words_chain(real_data: Path, shared_folder: Path) -> Path:
    """A folder with `run`, `cache` and, in `printed.txt`, what the chain said. Copy the run."""

    def make(folder: Path) -> None:
        places = (f"--data_dir={real_data}", f"--run_dir={folder / 'run'}")
        cache = f"--cache_dir={folder / 'cache'}"
        # It learns little from 40 clips a word, so no accuracy is asked for; bytes are.
        judging = ("--max_drop=100", "--error_clips=40")
        done = start("run", *places, cache, *TRAINING, *CONVERSION, *judging)
        assert done.returncode == 0, done.stdout + done.stderr
        (folder / "printed.txt").write_text(done.stdout)

    return shared.once(shared_folder / "words_chain", make)
