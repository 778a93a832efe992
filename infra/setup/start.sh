#!/bin/sh
# Finds Python 3.11 or newer and runs the set-up with it. $PYTHON is tried first.
for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3 python3.14; do
    [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        exec "$candidate" -m infra.setup "$@"
    fi
done
echo "Set-up failed: no Python 3.11 or newer was found." >&2
echo "  remedy: install one (Debian, Ubuntu: apt-get install python3.11 python3.11-venv; macOS: brew install python@3.12;" >&2
echo "          Fedora: dnf install python3.12), or name it: make setup PYTHON=/path/to/python3.11" >&2
exit 1
