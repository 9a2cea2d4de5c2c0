#!/bin/sh
# Tries Debian packages in a system of their own: installs them, runs the program, the library and
# Python in it, adds Open MPI, removes all of it, and says which files are left.
# usage: tools/try-packages.sh SYSTEM FOLDER
# SYSTEM: a Debian, as `debootstrap --variant=minbase bookworm SYSTEM` makes it, which stays as it
# is: packages go into a copy. FOLDER: the packages, as tools/package.sh makes them. Wants root.
# shellcheck disable=SC2016 # what is quoted is expanded inside
set -eu
system=$1 packages=$2
copy=$(mktemp -d)
cleanup() {
    umount "$copy/proc" "$copy/dev/null" 2>/dev/null || true
    rm -rf --one-file-system "$copy"
}
trap cleanup EXIT
cp -a "$system/." "$copy"
mount -t proc proc "$copy/proc"
[ -c "$copy/dev/null" ] || { : >"$copy/dev/null" && mount --bind /dev/null "$copy/dev/null"; }
cp /etc/resolv.conf "$copy/etc/resolv.conf" 2>/dev/null || true
mkdir "$copy/packages"
cp "$packages"/*.deb "$copy/packages"
rm -f "$copy"/packages/*-dbgsym_*
inside() { chroot "$copy" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C \
    OMP_NUM_THREADS=2 DEBIAN_FRONTEND=noninteractive "$@"; }
ours="python3-vitcod libvitcod-dev vitcod-mpi vitcod libvitcod0"

echo "== install"
inside apt-get update -qq
inside sh -c 'apt-get install -y -qq --no-install-recommends /packages/*.deb openmpi-bin man-db \
    bash-completion gcc libc6-dev pkg-config >/tmp/installed 2>&1 ||
    { cat /tmp/installed; exit 1; }
    grep "^Setting up .*vitcod" /tmp/installed'
# shellcheck disable=SC2086 # names of packages
inside dpkg -L $ours | grep '^/[a-z]' | sort -u >"$copy/tmp/files"
echo "== the program"
inside vitcod --version
inside vitcod simulate --arch deit_tiny_patch16_224 --json | grep -m 1 '"cycles"'
inside vitcod info /usr/share/vitcod/models/fashion-vit.safetensors | head -n 3
inside sh -c 'man vitcod-prune | head -n 4'
inside bash -c '. /usr/share/bash-completion/completions/vitcod
    COMP_WORDS=(vitcod pr) COMP_CWORD=1; _vitcod; echo "completed: ${COMPREPLY[*]}"'
echo "== several processes"
inside sh -c 'cd /tmp
    printf "axes: {model: deit_tiny_patch16_224, lines: [16, 32]}\n" >space.yaml
    mpirun --allow-run-as-root --oversubscribe -n 2 vitcod sweep space.yaml -o points.jsonl &&
    wc -l points.jsonl'
echo "== the library"
inside sh -c 'cd /tmp && printf "%s\n" "#include <stdio.h>" "#include <vitcod/vitcod.h>" \
    "int main(void) { puts(VC_VERSION); return vc_threads_count() < 1; }" >use.c &&
    gcc use.c $(pkg-config --cflags --libs vitcod) -o use && ./use'
echo "== Python"
inside python3 -c 'import vitcod, numpy
model = vitcod.load("/usr/share/vitcod/models/fashion-vit.safetensors")
print(vitcod.__version__, model.infer(numpy.zeros((1, 1, 28, 28), "float32")).shape)
print(vitcod.simulate(arch="deit_tiny_patch16_224").verb)'
echo "== remove"
# shellcheck disable=SC2086
inside dpkg --purge $ours >"$copy/tmp/purged"
left=0
while read -r file; do
    # folders that others have as well stay
    if [ -e "$copy$file" ] && ! inside dpkg -S "$file" >/dev/null 2>&1; then
        echo "left: $file"
        left=1
    fi
done <"$copy/tmp/files"
inside find / -xdev -name '*vitcod*' -not -path '/packages/*' -not -path '/tmp/*' \
    -not -path '/proc/*' -not -path '/var/log/*' -not -path '/var/cache/man/*' >"$copy/tmp/left"
if [ -s "$copy/tmp/left" ]; then
    cat "$copy/tmp/left"
    left=1
fi
[ "$left" -eq 1 ] || echo "nothing is left of $(wc -l <"$copy/tmp/files") files and folders"
exit "$left"
