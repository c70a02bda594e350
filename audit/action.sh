#!/bin/bash
# What the GitHub Action runs: one audit, as SARIF into $AUDIT_SARIF and as annotations on stdout.
# Takes AUDIT_PATHS (one a line), AUDIT_FAIL_ON, AUDIT_BASELINE. Exit code: galeed-audit's own.
set -euo pipefail

words=()
while IFS= read -r path; do
    if [ -n "$path" ]; then words+=("$path"); fi
done <<< "$AUDIT_PATHS"
options=(--quiet)
if [ -n "${AUDIT_FAIL_ON:-}" ]; then options+=(--fail-on "$AUDIT_FAIL_ON"); fi
if [ -n "${AUDIT_BASELINE:-}" ]; then options+=(--baseline "$AUDIT_BASELINE"); fi

exec galeed-audit "${options[@]}" --format github --report "sarif=$AUDIT_SARIF" -- "${words[@]}"
