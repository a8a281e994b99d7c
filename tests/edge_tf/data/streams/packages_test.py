"""Sound from packages: real archives of dpkg, fetched by a stand-in for apt-get (no network)."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edge_tf.audio import wav
from edge_tf.data.streams import given_sound, packages
from edge_tf.data.streams.package_list import Package
from edge_tf.errors import UserError

SPOKEN = Package("some-voices", "spoken", "GPL-2+", "words")
EFFECTS = Package("some-noises", "effects", "CC0-1.0", "machines")


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two .deb files, made by dpkg-deb."""
    folder = tmp_path_factory.mktemp("archives")
    for package in (SPOKEN, EFFECTS):
        root = folder / package.name
        sounds = root / "usr/share/sounds with space"
        sounds.mkdir(parents=True)
        tone = (3000 * np.sin(np.arange(22050) * 0.1)).astype(np.int16)
        soundfile.write(sounds / "one.ogg", tone, 22050)
        soundfile.write(sounds / "two.wav", tone[:11025], 22050)
        (sounds / "damaged.ogg").write_bytes(b"no sound")
        soundfile.write(sounds / "click.wav", tone[:100], 22050)
        (sounds / "picture.png").write_bytes(b"x")
        notes = root / "usr/share/doc" / package.name
        notes.mkdir(parents=True)
        (notes / "copyright").write_text(package.licence)
        control = root / "DEBIAN"
        control.mkdir()
        (control / "control").write_text(
            f"Package: {package.name}\nVersion: 1:2.0-1\nArchitecture: all\n"
            "Maintainer: Nobody <nobody@example.org>\nDescription: sound\n"
        )
        made = folder / f"{package.name}_1%3a2.0-1_all.deb"
        subprocess.run(["dpkg-deb", "--build", str(root), str(made)], check=True, timeout=60)
    return folder


@pytest.fixture
def apt(archives: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for apt-get, which copies an archive and counts that; returns the count's file.

    After `apt-get update` it knows the package no-such.
    """
    tools, lists = tmp_path / "tools", tmp_path / "lists"
    tools.mkdir()
    lists.mkdir()
    counted = tmp_path / "counted"
    script = tools / "apt-get"
    script.write_text(
        "#!/bin/sh\n"
        "if [ $1 = update ]; then\n"
        f"  cp {archives}/some-voices_*.deb {lists}/no-such_1_all.deb; exit\n"
        "fi\n"
        "for name; do :; done\n"
        f'echo "$name" >> {counted}\ncp {archives}/"$name"_*.deb . 2>/dev/null || '
        f'cp {lists}/"$name"_*.deb . 2>/dev/null || '
        '{ echo "E: Unable to locate package $name" >&2; exit 100; }\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    return counted


def test_sounds_are_by_kind_and_package_at_16_khz(apt: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    fetched = packages.make(out, [SPOKEN, EFFECTS])
    assert [(one.package, one.kind, one.version, one.sounds, one.left_out) for one in fetched] == [
        ("some-voices", "spoken", "1:2.0-1", 2, 2),
        ("some-noises", "effects", "1:2.0-1", 2, 2),
    ]
    names = sorted(path.name for path in (out / "spoken/some-voices").iterdir())
    assert names == [
        "copyright",
        "usr_share_sounds_with_space_one.ogg.flac",
        "usr_share_sounds_with_space_two.wav.flac",
    ]
    sound = wav.read(out / "spoken/some-voices" / names[1], 16_000)
    assert len(sound.samples) == 16_000
    assert fetched[0].hours == pytest.approx(1.5 / 3600, abs=1e-3)
    assert json.loads((out / packages.RECORD).read_text())["some-noises"]["licence"] == "CC0-1.0"


def test_what_is_there_is_not_fetched_again(apt: Path, tmp_path: Path) -> None:
    packages.make(tmp_path / "out", [SPOKEN])
    packages.make(tmp_path / "out", [SPOKEN, EFFECTS])
    assert apt.read_text().split() == ["some-voices", "some-noises"]


def test_a_package_that_there_is_not(apt: Path, tmp_path: Path) -> None:
    missing = Package("no-such", "spoken", "", "")
    told = r"no-such cannot be fetched \(E: Unable to locate package no-such\); run: apt-get update"
    with pytest.raises(UserError, match=told):
        packages.make(tmp_path / "out", [SPOKEN, missing])
    subprocess.run(["apt-get", "update"], check=True, timeout=60)  # what was told to do
    # What was fetched before stays.
    assert [one.sounds for one in packages.make(tmp_path / "out", [SPOKEN, missing])] == [2, 2]
    assert apt.read_text().split() == ["some-voices", "no-such", "no-such"]


def test_all_that_can_be_had_and_what_was_wrong_with_the_rest(apt: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    missing = packages.fill(out, [Package("no-such", "spoken", "", ""), EFFECTS])
    assert list(missing) == ["no-such"] and "Unable to locate" in missing["no-such"]
    assert list(packages.read(out)) == ["some-noises"]


def test_kinds_are_the_folders_of_known_packages(
    apt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    assert packages.kinds(out) == []
    packages.make(out, [EFFECTS, SPOKEN])
    monkeypatch.setattr(packages, "PACKAGES", (SPOKEN, EFFECTS))
    assert packages.kinds(out) == [out / "spoken", out / "effects"]
    (out / packages.RECORD).write_text('{"some-voices": []}')
    with pytest.raises(UserError, match=r"packages\.json is damaged; delete"):
        packages.kinds(out)


def test_a_kind_that_is_gone_is_fetched_as_its_error_says(apt: Path, tmp_path: Path) -> None:
    out = tmp_path / "ambient"
    with pytest.raises(UserError, match=f"python -m pipelines.ambient --out={out}"):
        given_sound.names(out / "spoken", "--negatives")
    packages.make(out, [SPOKEN])
    assert len(given_sound.names(out / "spoken", "--negatives")) == 2


def test_without_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="apt-get is missing"):
        packages.make(tmp_path / "out", [SPOKEN])
    assert not (tmp_path / "out").exists()
