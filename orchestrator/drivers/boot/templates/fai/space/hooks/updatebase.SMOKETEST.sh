rm -f "$FAI/basefiles/SMOKETEST.tar.zst"
rm -f "$target"/etc/apt/sources.list.d/*
echo "deb $MIRROR $SUITE main" >"$target/etc/apt/sources.list"
