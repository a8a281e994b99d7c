#!/usr/bin/env bash
# Installs what the Android tests need besides .venv: MediaPipe, in .venv-mediapipe from its own lock,
# since it conflicts with TFMOT; and a Kotlin compiler from npm, in tools/kotlin/node_modules.
#
# Run by `make android-tools`. Instant if nothing changed.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly venv=.venv-mediapipe
readonly kotlin=tools/kotlin
readonly lock=requirements-mediapipe.lock

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_REQUIRE_VIRTUALENV=0 PIP_USER=0 PIP_NO_INPUT=1

die() {
  printf 'error: %s\n' "$*" >&2
  exit 2
}

stamp_of() { { cat "$@"; pwd -P; } | sha256sum | cut -d' ' -f1; }

is_current() { [[ -f $1 && $(<"$1") == "$2" ]]; } # FILE STAMP

find_python() { # sets $python: that of `make setup`, or the one it would choose
  for python in .venv/bin/python "${PYTHON:-}" python3.12 python3.11 python3.10 python3; do
    [[ -n $python ]] && "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 && return
  done
  die "no Python with venv found; run make setup first"
}

install_mediapipe() {
  local stamp python
  stamp=$(stamp_of "$lock")
  is_current "$venv/.edge_tf_setup" "$stamp" && return
  echo "android-tools: installing MediaPipe in $venv (about 250 MB to download the first time)"
  rm -rf "$venv"
  find_python
  "$python" -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --quiet --no-deps --only-binary=:all: \
    --require-hashes -r "$lock"
  "$venv/bin/python" -c 'from mediapipe.tasks.python import audio' ||
    die "MediaPipe does not start; on Debian and Ubuntu it may need: apt-get install libegl1 libgles2"
  printf '%s\n' "$stamp" >"$venv/.edge_tf_setup"
}

install_kotlin() {
  local stamp
  stamp=$(stamp_of "$kotlin/package-lock.json")
  is_current "$kotlin/node_modules/.edge_tf_setup" "$stamp" && return
  command -v npm >/dev/null || die "npm is missing; on Debian and Ubuntu: apt-get install npm"
  echo "android-tools: installing Kotlin's compiler in $kotlin/node_modules (90 MB to download the first time)"
  npm ci --prefix "$kotlin" --ignore-scripts --no-audit --no-fund --silent
  printf '%s\n' "$stamp" >"$kotlin/node_modules/.edge_tf_setup"
}

install_mediapipe
install_kotlin
command -v java >/dev/null ||
  die "java is missing; on Debian and Ubuntu: apt-get install default-jre-headless"
echo "android-tools: ready"
