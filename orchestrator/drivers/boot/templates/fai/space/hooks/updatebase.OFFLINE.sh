# The base file is complete and of today: no mirror is asked. The mounts are for the scripts.
mount -t proc proc "$target/proc"
mount -t sysfs sysfs "$target/sys"
mount --bind /dev "$target/dev"
mount -t devpts devpts "$target/dev/pts"
mkdir -p "$target/run/udev"
mount --bind /run/udev "$target/run/udev"
skiptask updatebase instsoft
