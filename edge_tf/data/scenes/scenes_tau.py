"""TAU Urban Acoustic Scenes 2020 Mobile and 2022 Mobile, development sets.

ROOT/meta.csv                           filename, scene_label, identifier, source_label
ROOT/evaluation_setup/fold1_train.csv, fold1_evaluate.csv      filename, scene_label
ROOT/audio/SCENE-CITY-LOCATION-SEGMENT-DEVICE.wav              2020: 10 s, 44.1 kHz, 24 bits
ROOT/audio/SCENE-CITY-LOCATION-SEGMENT-PIECE-DEVICE.wav        2022: 1 s of the same

All tables are tab-separated. Devices: a (binaural, most clips), b, c (consumer devices), s1 to
s6 (simulated by the authors); the official training split has no s4, s5, s6. meta.csv lists more
clips than the official splits use. Data: zenodo.org/record/3819968 and 6337421; description:
T. Heittola, A. Mesaros, T. Virtanen, "Acoustic scene classification in DCASE 2020 Challenge:
generalization across devices and low complexity solutions", DCASE 2020.
"""

import re
from pathlib import Path

from edge_tf.data.scenes import tables
from edge_tf.data.scenes.scene_clips import SceneClip, SceneLayout
from edge_tf.errors import UserError

META = "meta.csv"
SETUP = "evaluation_setup"
_DEVICE = re.compile(r"-([a-z]|s\d{1,2})\.wav$")


def read(root: Path) -> list[SceneClip]:
    """The clips of the official split: fold 1, the only one, tests on fold1_evaluate.csv.

    Raises:
      UserError: a table is missing or malformed, or two of them contradict each other.
    """
    known = _meta(root / META)
    listed: dict[str, SceneClip] = {}
    for fold, name in ((0, "fold1_train.csv"), (1, "fold1_evaluate.csv")):
        path = root / SETUP / name
        for line, row in tables.read(path, ("filename", "scene_label"), "\t"):
            clip = row["filename"]
            where = f"{path}, line {line}"
            if clip not in known:
                raise UserError(f"{where}: {clip} is not in {META}", "restore both")
            label, location, device = known[clip]
            if row["scene_label"] != label:
                raise UserError(
                    f"{where}: {clip} is '{row['scene_label']}', in {META} '{label}'",
                    "restore both",
                )
            if clip in listed:
                raise UserError(f"{where}: {clip} is listed twice", "remove it from one place")
            listed[clip] = SceneClip(clip, label, location, device, fold)
    return list(listed.values())


def _meta(path: Path) -> dict[str, tuple[str, str, str]]:
    """File name to scene, location and device."""
    known = {}
    columns = ("filename", "scene_label", "identifier", "source_label")
    for line, row in tables.read(path, columns, "\t"):
        clip = tables.inside(path, line, row["filename"])
        found = _DEVICE.search(clip)
        if found is None:
            raise UserError(
                f"{path}, line {line}: {clip} does not end in a device",
                "expected names such as audio/airport-lisbon-1000-40000-a.wav",
            )
        if found[1] != row["source_label"]:
            raise UserError(
                f"{path}, line {line}: {clip} is of device {found[1]}, but source_label is "
                f"'{row['source_label']}'",
                f"restore {META}",
            )
        known[clip] = (row["scene_label"], row["identifier"], found[1])
    return known


LAYOUT = SceneLayout(
    name="TAU",
    signs={META: "TAU Urban Acoustic Scenes", SETUP: ""},  # META may be missing
    read=read,
    simulated_devices=0,  # it has recordings of unseen devices
)
