#!/bin/sh
# Runs a day of the demo with the functions out of the packages, target/lambda/<processor>/*.zip,
# in place of those of a development build. Those of another processor than this machine's run
# under QEMU's user emulation, where `qemu-aarch64` or `qemu-x86_64` and that processor's C library
# are there (Debian, Ubuntu: apt-get install qemu-user libc6-arm64-cross libgcc-s1-arm64-cross).
#
#   scripts/try-packages.sh [arm64] [x86_64]    both, if none is named
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
command=$target/debug/landbridge
[ $# -gt 0 ] || set -- arm64 x86_64

die() {
    echo "try-packages: $*" >&2
    exit 1
}

[ -x "$command" ] || die "there is no $command; 'cargo build --workspace --bins' makes it"
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

for processor in "$@"; do
    case $processor in
        arm64) machine=aarch64 ;;
        x86_64) machine=x86_64 ;;
        *) die "no such processor: $processor; Lambda has arm64 and x86_64" ;;
    esac
    emulator=
    if [ "$(uname -m)" != "$machine" ]; then
        emulator=$(command -v "qemu-$machine") || die "$processor needs qemu-$machine on this machine"
        emulator="$emulator -L /usr/$machine-linux-gnu"
    fi
    here=$place/$processor
    mkdir "$here"
    # The command starts the functions that lie beside it.
    cp "$command" "$here/landbridge"
    for function in snapshot export transfer load; do
        zip=$target/lambda/$processor/$function.zip
        [ -f "$zip" ] || die "there is no $zip; 'make package PROCESSORS=$processor' makes it"
        python3 -m zipfile -e "$zip" "$here/$function"
        chmod +x "$here/$function/bootstrap"
        printf '#!/bin/sh\nexec %s "%s" "$@"\n' "$emulator" "$here/$function/bootstrap" >"$here/landbridge-$function"
        chmod +x "$here/landbridge-$function"
    done
    echo "== $processor: one day with the packaged functions =="
    (cd "$root" && "$here/landbridge" demo --days 1 --data-dir "$here/data" >"$here/told") || {
        cat "$here/told"
        die "the day with the packages for $processor did not end well"
    }
    grep -E ' published |rows of .* crossed' "$here/told"
done
