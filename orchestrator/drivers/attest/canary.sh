# canary: say what this machine is, one NAME=VALUE a line; POSIX shell and Debian's essentials only
root=${MACHINE_ROOT:-}
PATH=$PATH:/usr/sbin:/sbin
LC_ALL=C
export PATH LC_ALL

say() { printf '%s=%s\n' "$1" "$2"; }

# the first line, trimmed, of the first file that has one
text() {
    got=
    for file; do
        { read -r got <"$file"; } 2>/dev/null || :
        [ -z "$got" ] || return 0
    done
}

time=$(date +%s)
say clock "$time"

probe=$HOME/.smoketest-probe.$$
word="canary $$ $time"
if why=$(printf '%s\n' "$word" | dd of="$probe" conv=fsync 2>&1); then
    text "$probe"
    why=
    [ "$got" = "$word" ] || why="what was written reads back as '$got'"
fi
rm -f "$probe" 2>/dev/null
[ -z "$why" ] || say trouble "$(printf '%s' "$why" | tr -s '[:space:]' ' ')"
df -Pk "$HOME" | {
    read -r heading
    read -r source size used free rest
    say size "$size"
    say free "$free"
}

for card in "$root"/sys/class/net/*; do
    [ -e "$card/device" ] || continue # no hardware: loopback, bridges, VLANs
    text "$card/address"
    mac=$got
    text "$card/carrier"
    say card "${card##*/} $mac ${got:-0}"
done

bios=
for part in vendor version date; do
    text "$root/sys/class/dmi/id/bios_$part"
    bios="$bios $got"
done
say firmware "${bios# }"
if [ -d "$root/sys/firmware/efi" ]; then
    order=$(od -An -v -tx1 "$root"/sys/firmware/efi/efivars/BootOrder-* 2>/dev/null | tr -d ' \n')
    say boot-order "${order:-not told}"
fi

for disk in "$root"/sys/block/*; do
    name=${disk##*/}
    case $name in loop* | ram* | zram* | sr* | fd* | md* | dm-* | nbd* | '*') continue ;; esac
    text "$disk/size"
    size=$got
    [ "${size:-0}" != 0 ] || continue # a reader with no card in it
    text "$disk/device/model"
    model=$got
    text "$disk/serial" "$disk/device/serial" "$disk/device/wwid" "$disk/wwid"
    say disk "$size sectors, ${model:-no model}, ${got:-no serial number}"
    layout=
    for part in "$disk/$name"*; do
        [ -e "$part/partition" ] || continue
        text "$part/size"
        layout="$layout+$got"
    done
    table= id=
    if [ -b "$root/dev/$name" ]; then
        table=$(blkid -p -o value -s PTTYPE "$root/dev/$name" 2>/dev/null)
        id=$(blkid -p -o value -s PTUUID "$root/dev/$name" 2>/dev/null)
    fi
    say partitions "${table:-unknown} ${layout#+}"
    say partition-id "${id:-not told}"
done

text "$root/proc/sys/kernel/osrelease"
say kernel "$got"
if [ -e "$root/var/lib/dpkg/status" ]; then
    list=$(dpkg-query --admindir="$root/var/lib/dpkg" -W | sort)
    sum=$(printf '%s\n' "$list" | sha256sum)
    count=$(printf '%s\n' "$list" | wc -l)
    say packages "$count of ${sum%% *}"
else
    say packages none
fi
set -- "$root"/var/lib/apt/lists/*Release
if [ -e "$1" ]; then
    sum=$(cat "$@" | sha256sum)
    say archive "${sum%% *}"
fi
exit 0
