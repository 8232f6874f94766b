# Puts the base file where FAI looks for it.
echo "Getting the base file from $BOOT_URL/files/base.tar.zst"
mkdir -p "$FAI/basefiles"
if ! curl -fsS --retry 20 --retry-delay 1 --retry-connrefused -o "$FAI/basefiles/SMOKETEST.tar.zst" \
    "$BOOT_URL/files/base.tar.zst"; then
    echo "Cannot fetch the base file"
    task_error 890
fi
