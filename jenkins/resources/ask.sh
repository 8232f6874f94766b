#!/bin/sh
# Ask a smoketest lab for one cell, follow its console, keep its tests as smoketest.xml.
# SMOKETEST_URL (https://lab.example.com), SMOKETEST_USER and SMOKETEST_TOKEN say where and who;
# ARCH, REPO, REF, COMMIT and REASON what. Exit status: 0 passed, 1 failed, 3 nobody could tell.
set -eu
: "${SMOKETEST_URL:?}" "${SMOKETEST_USER:?}" "${SMOKETEST_TOKEN:?}" "${ARCH:?}" "${REPO:?}"
face="${SMOKETEST_URL%/}/jenkins"

# The token goes to curl through a pipe: arguments can be read by everybody on the machine.
call() {
    printf 'user = "%s:%s"\n' "$SMOKETEST_USER" "$SMOKETEST_TOKEN" |
        curl --config - --silent --show-error --fail --max-time 60 "$@"
}

# Our own build makes a repeat find the first run instead of starting another.
key=${BUILD_TAG:-}
item=$(call --output /dev/null --dump-header - \
    --data-urlencode "REPO=$REPO" --data-urlencode "REF=${REF:-}" \
    --data-urlencode "COMMIT=${COMMIT:-}" --data-urlencode "REASON=${BUILD_URL:-}" \
    --data-urlencode "RUN_ID=${RUN_ID:-$key}" "$face/job/$ARCH/buildWithParameters")
number=$(printf '%s\n' "$item" | sed -n 's|^[Ll]ocation:.*/queue/item/\([0-9]*\)/.*|\1|p')
[ -n "$number" ] || { echo "no run was started: $item" >&2; exit 3; }
echo "run $number: ${SMOKETEST_URL%/}/runs/$number"

while :; do
    said=$(call "$face/queue/item/$number/api/json") || said=
    case $said in
        *'"cancelled":true'* | *'"cancelled": true'*) echo "it was stopped while it waited" >&2; exit 3 ;;
    esac
    build=$(printf '%s' "$said" |
        sed -n 's/.*"executable": *{[^}]*"number": *\([0-9]*\).*/\1/p')
    [ -n "$build" ] && break
    sleep "${POLL_SECONDS:-10}"
done

while :; do
    said=$(call "$face/job/$ARCH/$build/api/json?tree=building,result") || said=
    result=$(printf '%s' "$said" | sed -n 's/.*"result": *"\([A-Z_]*\)".*/\1/p')
    [ -n "$result" ] && break
    sleep "${POLL_SECONDS:-10}"
done

call "$face/job/$ARCH/$build/consoleText" || true
call --output smoketest.xml "${SMOKETEST_URL%/}/api/runs/$number/export/junit" || true
echo "$ARCH: $result"
case $result in
    SUCCESS) exit 0 ;;
    UNSTABLE) exit 1 ;;
    *) exit 3 ;;
esac
