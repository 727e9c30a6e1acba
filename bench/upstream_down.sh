#!/usr/bin/env bash
# How the leads are served while LightFusion is down: bench/README.md tells how to read it.
# SECONDS_A_RUN changes how long, ENGINES and WAYS which of them.
set -euo pipefail
cd "$(dirname "$0")/.."
exec /usr/bin/python3 bench/upstream_down.py "${SECONDS_A_RUN:-5}"
