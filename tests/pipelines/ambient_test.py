"""pipelines.ambient: bad flags; what it fetches is tested with edge_tf.data.streams.packages."""

import pytest
from absl import flags
from absl.testing import flagsaver

from edge_tf.errors import UserError
from pipelines import ambient


@pytest.fixture(scope="module", autouse=True)
def defined() -> None:
    if "packages" not in flags.FLAGS:
        ambient.define_flags()


def test_an_unknown_package(tmp_path) -> None:
    flags.FLAGS.mark_as_parsed()
    with (
        flagsaver.flagsaver(out=str(tmp_path / "out"), packages=["no-such"]),
        pytest.raises(
            UserError, match="'no-such' is unknown; choose from flight-of-the-amazon-queen"
        ),
    ):
        ambient.main()
    assert not (tmp_path / "out").exists()
