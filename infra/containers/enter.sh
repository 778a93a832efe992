#!/bin/sh
# Puts what was prepared for this container (NAME=value a line) into the environment, then becomes the program.
set -eu
if [ -n "${WAYPOST_ENVIRONMENT_FILE:-}" ]; then
    while IFS= read -r line; do
        export "${line?}"
    done < "$WAYPOST_ENVIRONMENT_FILE"
fi
exec "$@"
