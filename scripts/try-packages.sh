#!/bin/sh
# Runs one day of the demo with the functions from the packages, target/lambda/<processor>/*.zip,
# instead of a development build. Packages for another processor run under QEMU's user emulation,
# which needs `qemu-aarch64` or `qemu-x86_64` and that processor's C library (Debian, Ubuntu:
# apt-get install qemu-user libc6-arm64-cross libgcc-s1-arm64-cross).
#
#   scripts/try-packages.sh [arm64] [x86_64]    default: both
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
command=$target/debug/landbridge
local_command=$target/debug/landbridge-local
[ $# -gt 0 ] || set -- arm64 x86_64

die() {
    echo "try-packages: $*" >&2
    exit 1
}

for program in "$command" "$local_command"; do
    [ -x "$program" ] || die "$program does not exist; run 'cargo build --workspace --bins'"
done
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

for processor in "$@"; do
    case $processor in
        arm64) machine=aarch64 ;;
        x86_64) machine=x86_64 ;;
        *) die "unknown processor: $processor; use arm64 or x86_64" ;;
    esac
    emulator=
    if [ "$(uname -m)" != "$machine" ]; then
        emulator=$(command -v "qemu-$machine") || die "running $processor packages needs qemu-$machine; install QEMU's user emulation"
        emulator="$emulator -L /usr/$machine-linux-gnu"
    fi
    here=$place/$processor
    mkdir "$here"
    # `landbridge demo` starts `landbridge-local`, which starts the functions; both look in their own
    # directory.
    cp "$command" "$local_command" "$here/"
    for function in snapshot export transfer load protect views notify; do
        zip=$target/lambda/$processor/$function.zip
        [ -f "$zip" ] || die "$zip does not exist; run 'make package PROCESSORS=$processor'"
        python3 -m zipfile -e "$zip" "$here/$function"
        chmod +x "$here/$function/bootstrap"
        printf '#!/bin/sh\nexec %s "%s" "$@"\n' "$emulator" "$here/$function/bootstrap" >"$here/landbridge-$function"
        chmod +x "$here/landbridge-$function"
    done
    echo "== $processor: one day with the packaged functions =="
    (cd "$root" && "$here/landbridge" demo --days 1 --data-dir "$here/data" >"$here/output") || {
        cat "$here/output"
        die "the demo day with the packages for $processor failed"
    }
    grep -E ' published |rows of .* transferred' "$here/output"
done
