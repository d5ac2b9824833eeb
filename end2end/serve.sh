#!/usr/bin/env bash
# Serves the site that the browser tests visit, on data of its own in the folder SCRATCH: that is
# emptied, the pages are rendered as a build renders them, then the server starts.
set -euo pipefail
cd "$(dirname "$0")"
rm -rf "$SCRATCH"
mkdir -p "$SCRATCH"
../scripts/run-server.sh prerender >"$SCRATCH/prerender.log" 2>&1 || {
    cat "$SCRATCH/prerender.log" >&2
    exit 1
}
exec ../scripts/run-server.sh
