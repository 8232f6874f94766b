# Takes this node's own part of the config space apart, before classes are defined.
echo "Getting this node's answers from $BOOT_URL/answers"
if curl -fsS --retry 20 --retry-delay 1 --retry-connrefused -o "$LOGDIR/answers" "$BOOT_URL/answers"; then
    sed -n 's/^=== //p' "$LOGDIR/answers" | while read -r name; do
        mkdir -p "$FAI/${name%/*}"
    done
    awk -v root="$FAI/" '/^=== /{ file = root $2; printf "" > file; next } file { print > file }' \
        "$LOGDIR/answers"
else
    echo "Cannot fetch this node's answers"
    task_error 890
fi
