#!/bin/sh
# The functions' packages: target/lambda/<processor>/<function>.zip, each with one file,
# `bootstrap`, as Lambda's runtime provided.al2023 wants it, and target/lambda/SHA256SUMS.
# The two files of the configuration are not in them: Terraform lays those into the bucket.
#
#   scripts/package.sh [arm64] [x86_64]         both, if none is named
#   FUNCTIONS="snapshot" scripts/package.sh …   only some functions
#
# The same sources, toolchain and requirements give the same bytes, wherever the checkout and the
# target folder lie: paths are mapped, dependencies locked, and nothing in a zip tells when it was made.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
target=${CARGO_TARGET_DIR:-$root/target}
place=$target/package-python
functions=${FUNCTIONS:-snapshot export transfer load}
[ $# -gt 0 ] || set -- arm64 x86_64
# Amazon Linux 2023 has glibc 2.34 (AWS documentation, "Lambda runtimes"). The linker binds to
# no newer one, whatever this machine has.
glibc=2.34

die() {
    echo "package: $*" >&2
    exit 1
}

triple_of() {
    case $1 in
        arm64) echo aarch64-unknown-linux-gnu ;;
        x86_64) echo x86_64-unknown-linux-gnu ;;
        *) die "no such processor: $1; Lambda has arm64 and x86_64" ;;
    esac
}
for processor in "$@"; do triple_of "$processor" >/dev/null; done

command -v python3 >/dev/null 2>&1 || die "there is no python3; install Python 3.10 or newer, with its venv module"
wanted=$({ python3 -c 'import sys; print(sys.version)'; cat scripts/package-requirements.txt; } | cksum)
if [ "$(cat "$place/stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "installing cargo-zigbuild and zig in $place (once)"
    rm -rf "$place"
    python3 -m venv "$place" || die "python3 has no venv module (Debian, Ubuntu: apt-get install python3-venv)"
    "$place/bin/python" -m pip install --quiet --disable-pip-version-check -r scripts/package-requirements.txt \
        || die "pip could not install scripts/package-requirements.txt; is PyPI reachable?"
    printf '%s\n' "$wanted" >"$place/stamp"
fi
PATH=$place/bin:$PATH
export PATH

# rustc's standard library for the processor: there, or fetched by rustup.
has_std() {
    [ -d "$(rustc --print sysroot)/lib/rustlib/$1/lib" ] && return 0
    command -v rustup >/dev/null 2>&1 && rustup target add "$1"
}

# Paths of this machine stand in messages of panics and in C's __FILE__. Of several that fit, the
# last counts: folders within the checkout come after it.
cargo_home=${CARGO_HOME:-$HOME/.cargo}
RUSTFLAGS="--remap-path-prefix=$root=/landbridge --remap-path-prefix=$target=/target --remap-path-prefix=$cargo_home=/cargo"
CFLAGS="-ffile-prefix-map=$root=/landbridge -ffile-prefix-map=$target=/target -ffile-prefix-map=$cargo_home=/cargo"
# 1 January 1980, 00:00:00 UTC: the earliest that a zip can tell.
SOURCE_DATE_EPOCH=315532800
export RUSTFLAGS CFLAGS SOURCE_DATE_EPOCH
unset CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTFLAGS

left_out=
for processor in "$@"; do
    triple=$(triple_of "$processor")
    if ! has_std "$triple"; then
        echo "package: $processor is left out: rustc has no standard library for $triple here; 'rustup target add $triple' fetches it" >&2
        left_out="$left_out $processor"
        continue
    fi
    packages=
    for function in $functions; do packages="$packages -p landbridge-$function"; done
    # shellcheck disable=SC2086 # several words on purpose
    cargo zigbuild --release --locked --target "$triple.$glibc" $packages
    mkdir -p "$target/lambda/$processor"
    for function in $functions; do
        python3 scripts/zip-function.py "$target/$triple/release/landbridge-$function" \
            "$target/lambda/$processor/$function.zip"
    done
done

cd "$target/lambda"
# Sorted, so that the list is the same as well.
find . -name '*.zip' | LC_ALL=C sort | sed 's|^\./||' | xargs sha256sum >SHA256SUMS
while read -r hash zip; do
    printf '%-24s %9d bytes  sha256 %s\n' "$zip" "$(wc -c <"$zip")" "$hash"
done <SHA256SUMS
[ -z "$left_out" ] || die "not every package is made: without$left_out"
