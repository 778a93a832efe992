#!/bin/sh
# Exports the container's environment file (NAME=value lines), then executes the program.
set -eu
if [ -n "${WAYPOST_ENVIRONMENT_FILE:-}" ]; then
    while IFS= read -r line; do
        export "${line?}"
    done < "$WAYPOST_ENVIRONMENT_FILE"
fi
exec "$@"
