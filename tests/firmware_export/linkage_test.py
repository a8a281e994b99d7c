"""Names and shares that --prefix, --arena and --kernels ask for."""

import re
from pathlib import Path

import pytest

from firmware_export.errors import ExportError
from firmware_export.linkage import Linkage
from firmware_export.tflm import package as tflm
from tests import shared
from tests.firmware_export import models
from tests.firmware_export.conftest import folder_content
from tests.firmware_export.several import Made


@pytest.mark.parametrize(
    ("prefix", "what"),
    [
        ("Lamp", "begin names"),
        ("9a", "begin names"),
        ("a__b", "begin names"),
        ("int", "keyword"),
        ("edge_x", "for kernels"),
        ("model", "the name of exports without"),
        ("a" * 25, "up to 24"),
    ],
)
def test_a_prefix_that_does_not_do(prefix: str, what: str):
    with pytest.raises(ExportError, match=rf"^--prefix={prefix} .*{what}[^\n]*$"):
        Linkage(prefix)


class TestTflm:
    def test_names(self, made: tuple[Made, ...], tmp_path: Path):
        shared.need_tflite_micro()
        for name, linkage in (("plain", Linkage()), ("lamp", Linkage("lamp"))):
            tflm.export(
                made[0].model,
                tmp_path / name,
                "1.2.3",
                labels=made[0].words.labels,
                frontend={"frontend": made[0].words.frontend},
                golden=made[0].golden,
                streaming=made[0].form,
                linkage=linkage,
            )
        content = folder_content(tmp_path / "lamp")
        assert {name.replace("lamp_", "") for name in content} == set(
            folder_content(tmp_path / "plain")
        )
        header = content["src/lamp_model_runner.h"].decode()
        assert "lamp_model_runner_push_frame(" in header and "LAMP_MODEL_ERROR_ARENA" in header
        words = set(
            re.findall(
                r"\b(?:model|MODEL|self_test|golden|detector)_\w+",
                b"\n".join(
                    data for name, data in content.items() if name.startswith("src/")
                ).decode(),
            )
        )
        assert words == {"model_input"}  # an argument

    @pytest.mark.parametrize(
        "linkage", [Linkage(arena="external"), Linkage(kernels=Path("k"))], ids=["arena", "kernels"]
    )
    def test_the_library_has_arena_and_kernels(self, linkage: Linkage, tmp_path: Path):
        with pytest.raises(ExportError, match="for plain C: add --flavor=standalone"):
            tflm.export(models.fully_connected(), tmp_path / "out", "1", linkage=linkage)
