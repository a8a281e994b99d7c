#!/usr/bin/env bash
# Creates .venv from requirements.lock and installs the project in it, editable.
#
# Run by `make setup`. Instant if nothing changed; after an interruption it starts over.
# PYTHON names the interpreter to use (3.10, 3.11 or 3.12); by default the first that works.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly venv=.venv
readonly stamp="$venv/.edge_tf_setup"        # what the environment was created from
readonly unfinished="$venv/.edge_tf_partial" # exists during an installation
readonly wanted='sys.version_info[:2] in ((3, 10), (3, 11), (3, 12))'

unset PYTHONPATH PYTHONHOME
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_REQUIRE_VIRTUALENV=0 PIP_USER=0 PIP_NO_INPUT=1

die() {
  printf 'error: %s\n' "$*" >&2
  exit 2
}

version_of() { # "3.11", or nothing if the interpreter does not start
  "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true
}

is_wanted() { "$1" -c "import sys; sys.exit(not ($wanted))" >/dev/null 2>&1; }

has_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

find_python() { # sets $python
  local candidate without_venv=""
  if [[ -n ${PYTHON:-} ]]; then
    python=$(command -v "$PYTHON" || true)
    [[ -n $python && -n $(version_of "$python") ]] || die "PYTHON=$PYTHON does not start; name a Python 3.10, 3.11 or 3.12"
    is_wanted "$python" || die "PYTHON=$PYTHON is Python $(version_of "$python"); TensorFlow 2.16 needs 3.10, 3.11 or 3.12"
    has_venv "$python" || die "$PYTHON has no venv module; install its package, on Debian and Ubuntu: apt-get install python$(version_of "$python")-venv"
    return
  fi
  for candidate in python3.12 python3.11 python3.10 python3 python; do
    python=$(command -v "$candidate" || true)
    if [[ -z $python ]] || ! is_wanted "$python"; then continue; fi
    has_venv "$python" && return
    without_venv=${without_venv:-$(version_of "$python")}
  done
  [[ -z $without_venv ]] ||
    die "Python $without_venv has no venv module; install its package, on Debian and Ubuntu: apt-get install python$without_venv-venv"
  die "no Python 3.10, 3.11 or 3.12 found (python3 is $(version_of python3 | grep . || echo missing)); install one, or name it: make setup PYTHON=/path/to/python3.12"
}

fingerprint() { # of everything the environment is created from
  { cat requirements.lock pyproject.toml tools/setup.sh; pwd -P; } | sha256sum | cut -d' ' -f1
}

is_current() {
  [[ -f $stamp && ! -e $unfinished && $(<"$stamp") == "$key" && -x $venv/bin/python ]] || return 1
  [[ -z ${PYTHON:-} || $(version_of "$PYTHON") == "$(version_of "$venv/bin/python")" ]]
}

is_usable() { # an environment that can be brought up to date in place
  [[ ! -e $unfinished ]] && is_wanted "$venv/bin/python" &&
    "$venv/bin/python" -c 'import pip' >/dev/null 2>&1 || return 1
  [[ -z ${PYTHON:-} || $(version_of "$PYTHON") == "$(version_of "$venv/bin/python")" ]]
}

main() {
  local key python output
  trap 'echo "setup: interrupted; run the same command again to start over" >&2; exit 130' INT
  [[ $(uname -s) == Linux ]] ||
    die "the lock is for Linux; elsewhere: python -m pip install -e '.[synthesis,dev]' (the TFLite Micro hop is not available there)"
  key=$(fingerprint)
  is_current && return
  if command -v flock >/dev/null; then # of two makes at once, the second waits and finds it done
    exec 9<requirements.lock
    flock --nonblock 9 || { echo "setup: waiting for another make setup" && flock 9; }
    is_current && return
  fi

  if ! is_usable; then
    find_python
    echo "setup: creating $venv with $python ($("$python" -V 2>&1))"
    mkdir -p "$venv"
    : >"$unfinished" # first, so that even an interrupted removal is noticed
    find "$venv/" -mindepth 1 ! -path "$unfinished" -delete
    output=$("$python" -m venv "$venv" 2>&1) ||
      die "$python could not create $venv; on Debian and Ubuntu: apt-get install python$(version_of "$python")-venv. It said: $output"
  fi
  : >"$unfinished"
  rm -f "$stamp"
  echo "setup: installing the locked packages (about 900 MB to download the first time)"
  local quiet=(--quiet --quiet)
  [[ -t 1 ]] && quiet=() # a person sees the progress
  # The lock is complete, so nothing is resolved, and wheels only, so nothing is compiled.
  "$venv/bin/python" -m pip install "${quiet[@]}" --no-deps --only-binary=:all: --require-hashes \
    -r requirements.lock
  "$venv/bin/python" -m pip install "${quiet[@]}" --no-deps --no-index --no-build-isolation -e .
  "$venv/bin/python" -m pip check >/dev/null ||
    { "$venv/bin/python" -m pip check >&2 || true; die "packages in $venv conflict; remove it and run make setup again"; }
  printf '%s\n' "$key" >"$stamp"
  rm -f "$unfinished"
  echo "setup: ready ($("$venv/bin/python" -V) in $venv)"
}

main
