"""The real Kotlin compiler and a JVM, for what the sample app needs no Android for."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = ROOT / "edge_tf" / "android" / "sample"
SOURCES = SAMPLE / "app" / "src" / "main" / "kotlin"
RESOURCES = SAMPLE / "app" / "src" / "main" / "res"
MANIFEST = SAMPLE / "app" / "src" / "main" / "AndroidManifest.xml"
STUBS = Path(__file__).with_name("stubs")
# Android's own org.json, and JUnit: Debian's libandroid-json-java and junit4.
JARS = {
    "libandroid-json-java": Path("/usr/share/java/com.android.json.jar"),
    "junit4": Path("/usr/share/java/junit4.jar"),
    "libhamcrest-java": Path("/usr/share/java/hamcrest-core.jar"),
}
FRAMEWORK = Path("/usr/share/android-framework-res/framework-res.apk")
_COMPILER = ROOT / "tools" / "kotlin" / "node_modules" / "kotlin-compiler"


def compiler() -> Path:
    """The folder of Kotlin's compiler. Skips the test where it, a JVM or a jar is missing."""
    folder = Path(os.environ.get("EDGE_TF_KOTLIN") or _COMPILER)
    if not (folder / "bin" / "kotlinc").is_file():
        pytest.skip("there is no Kotlin compiler: make android-tools")
    if shutil.which("java") is None:
        pytest.skip("there is no JVM: apt-get install default-jre-headless")
    missing = [package for package, jar in JARS.items() if not jar.is_file()]
    if missing:
        pytest.skip(f"jars are missing: apt-get install {' '.join(missing)}")
    return folder


def compile_kotlin(sources: Sequence[Path], out: Path) -> subprocess.CompletedProcess[str]:
    """Compiles files and folders of Kotlin and Java; warnings are errors."""
    command = [
        str(compiler() / "bin" / "kotlinc"),
        *("-Werror", "-jvm-target", "17", "-cp", os.pathsep.join(map(str, JARS.values()))),
        *map(str, sources),
        *("-d", str(out)),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def run_java(out: Path, main: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a main class of what `compile_kotlin` made."""
    jars = [out, compiler() / "lib" / "kotlin-stdlib.jar", *JARS.values()]
    command = ["java", "-Xshare:auto", "-cp", os.pathsep.join(map(str, jars)), main, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def call(out: Path, command: str, values: dict[str, Any], scratch: Path) -> Any:
    """What Harness.kt answers, parsed."""
    path = scratch / f"{command}.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    done = run_java(out, "org.edgetf.listen.HarnessKt", command, str(path))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def link_resources(out: Path) -> Path:
    """Resources and manifest through Android's own tools, against Android 10's resources.

    Returns:
      The folder with the class R that they make.
    """
    if shutil.which("aapt2") is None or not FRAMEWORK.is_file():
        pytest.skip("Android's tools are missing: apt-get install aapt android-framework-res")
    # Gradle's plugin takes the package from build.gradle.kts.
    manifest = MANIFEST.read_text(encoding="utf-8")
    out.mkdir()
    (out / MANIFEST.name).write_text(
        manifest.replace("<manifest ", '<manifest package="org.edgetf.listen" ', 1),
        encoding="utf-8",
    )
    compiled, packed, java = out / "resources.zip", out / "resources.apk", out / "java"
    _aapt2("compile", "--dir", RESOURCES, "-o", compiled)
    levels = ("--min-sdk-version", 24, "--target-sdk-version", 29)
    source = ("-I", FRAMEWORK, "--manifest", out / MANIFEST.name, *levels)
    _aapt2("link", *source, "--java", java, "-o", packed, compiled)
    return java


def _aapt2(*arguments: object) -> None:
    command = ["aapt2", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def resources() -> set[tuple[str, str]]:
    """(kind, name) of the sample's resources but for ids."""
    found = set()
    for path in RESOURCES.rglob("*.xml"):
        kind = path.parent.name.split("-")[0]
        if kind == "values":
            entries = ElementTree.parse(path).getroot()
            found |= {(entry.tag, entry.attrib["name"]) for entry in entries}
        else:
            found.add((kind, path.stem))
    return found
