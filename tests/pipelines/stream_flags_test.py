"""Flags of trainings on streams, of takes or of recorded words: what does not fit is one line."""

import pytest

from tests.pipelines.bad_input_test import refused_early

ASKED = {
    "--task=wake": ("--task=wake", "--words=lamp"),
    "--on_streams": ("--task=words", "--data_dir=HERE", "--on_streams"),
}


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--negatives=HERE/no", "--negatives=HERE/no is not a folder; name a folder of WAV files"),
        ("--hard_negatives=HERE/no", "--hard_negatives=HERE/no is not a folder; name a folder of"),
        ("--rooms=HERE/no", "--rooms=HERE/no is not a folder; name a folder of WAV files"),
        (
            "--start_from=HERE/a",
            "--start_from=HERE/a has no float.keras; name a run whose training has finished",
        ),
        (
            "--negatives=HERE/a/radio,HERE/b/radio",
            "--negatives: two kinds of sound would be named 'radio'; rename the folder",
        ),
        (
            "--model=ds_cnn",
            "--model=ds_cnn cannot be trained on streams; use --model=bc_resnet",
        ),
        (
            "--nostreaming",
            "ASKED trains a network for streams; leave out --nostreaming, --norm and --padding",
        ),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path, asked, flags, message):
    for name in ("a/radio", "b/radio"):
        (tmp_path / name).mkdir(parents=True)
    given = [one.replace("HERE", str(tmp_path)) for one in (*ASKED[asked], flags)]
    folders = (f"--run_dir={tmp_path / 'run'}", f"--cache_dir={tmp_path / 'cache'}")
    error = refused_early("train", *folders, *given)
    assert message.replace("HERE", str(tmp_path)).replace("ASKED", asked) in error
    assert not (tmp_path / "run").exists()
