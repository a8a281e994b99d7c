"""Data sets of scenes for tests: miniatures in the exact layouts of TAU Urban and of ESC."""

from collections.abc import Iterable
from pathlib import Path

from tests.edge_tf.audio.wav_files import tone, write

SCENES = ("airport", "street_traffic")
TRAINING_DEVICES = ("a", "b", "c", "s1", "s2", "s3")
ALL_DEVICES = (*TRAINING_DEVICES, "s4", "s5", "s6")
_TAU_META = "filename\tscene_label\tidentifier\tsource_label\n"
_TAU_FOLD = "filename\tscene_label\n"


def make_tau(root: Path, year: int = 2020, seconds: float = 0.02) -> Path:
    """Four locations a scene to train on, with devices a to s3, and one to test on, with all nine.

    meta.csv has one clip more of each scene, that the official split does not use.
    """
    tables = {"meta.csv": _TAU_META}
    for name in ("train", "evaluate", "test"):
        tables[f"evaluation_setup/fold1_{name}.csv"] = "filename\n" if name == "test" else _TAU_FOLD
    segment = 40_000
    for number, scene in enumerate(SCENES):
        for place in range(5):
            location = f"lisbon-{1000 + 10 * number + place}"
            for device in TRAINING_DEVICES if place < 4 else ALL_DEVICES:
                for piece in ("",) if year == 2020 else ("-0", "-1"):
                    name = f"audio/{scene}-{location}-{segment}{piece}-{device}.wav"
                    sound = tone(200.0 + segment % 100, 44_100, seconds)
                    write(root / name, sound, rate=44_100, bits=24)
                    tables["meta.csv"] += f"{name}\t{scene}\t{location}\t{device}\n"
                    use = "train" if place < 4 else "evaluate"
                    tables[f"evaluation_setup/fold1_{use}.csv"] += f"{name}\t{scene}\n"
                    if use == "evaluate":
                        tables["evaluation_setup/fold1_test.csv"] += f"{name}\n"
                segment += 1
        name = f"audio/{scene}-vienna-{2000 + number}-9-s6.wav"
        tables["meta.csv"] += f"{name}\t{scene}\tvienna-{2000 + number}\ts6\n"
    for name, text in tables.items():
        _write(root / name, text)
    return root


def make_esc50(root: Path, categories: Iterable[str] = ("dog", "rain")) -> Path:
    """As published: five folds, three sources a category and fold, the first with two takes."""
    table = "filename,fold,target,category,esc10,src_file,take\n"
    for target, category in enumerate(categories):
        for name, source, take, fold in _esc_clips(target):
            write(
                root / "audio" / f"{name}-{target}.wav",
                tone(200.0 + 50 * target + fold, 44_100, 0.02),
                rate=44_100,
            )
            table += f"{name}-{target}.wav,{fold},{target},{category},{target == 0},{source},"
            table += f"{take}\n"
    _write(root / "meta" / "esc50.csv", table)
    return root


def make_esc_folders(root: Path, classes: Iterable[str] = ("dog", "rain")) -> Path:
    """The same by folders of classes."""
    table = "name,class,fold\n"
    for target, label in enumerate(classes):
        for name, _, _, fold in _esc_clips(target):
            write(root / label / f"{name}.wav", tone(200.0 + 50 * target + fold, seconds=0.02))
            table += f"{name},{label},{fold}\n"
    _write(root / "folds.csv", table)
    return root


def _esc_clips(target: int) -> Iterable[tuple[str, int, str, int]]:
    """Name, source, take and fold of the clips of a class."""
    for fold in range(1, 6):
        for number, takes in enumerate(("AB", "A", "A")):
            source = 100_000 + 1_000 * target + 10 * fold + number
            for take in takes:
                yield f"{fold}-{source}-{take}", source, take, fold


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
