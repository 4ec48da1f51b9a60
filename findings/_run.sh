# Sourced by the scripts beside it: a temporary environment with pinned packages.
#
#   packages numpy==2.4.6 ...      install them; ends the script if that fails
#   python_says <<'PYTHON' ...     run a program in that environment
#
# Only libraries that the programs import are installed, never skqnn.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

packages() {
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install -q --disable-pip-version-check "$@"
}

python_says() { (cd "$work" && "$work/venv/bin/python" -W ignore -); }
