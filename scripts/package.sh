#!/bin/sh
# Builds the functions' packages: target/lambda/<processor>/<function>.zip, each with one file,
# `bootstrap`, as Lambda's runtime provided.al2023 requires, and target/lambda/SHA256SUMS.
# The two configuration files are not included: Terraform uploads them to the bucket.
#
#   scripts/package.sh [arm64] [x86_64]         default: both
#   FUNCTIONS="snapshot" scripts/package.sh …   only some functions
#   scripts/package.sh --tools                  installs zig and cargo-zigbuild, and builds nothing
#
# The same sources, toolchain and requirements produce the same bytes, wherever the checkout and the
# target folder are: paths are remapped, dependencies are locked, and zips contain no build time.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
target=${CARGO_TARGET_DIR:-$root/target}
place=$target/package-python
functions=${FUNCTIONS:-snapshot export transfer transfer-item load protect views notify}
[ $# -gt 0 ] || set -- arm64 x86_64
tools_only=
[ "$1" != --tools ] || { tools_only=1 && set --; }
# Amazon Linux 2023 has glibc 2.34 (AWS documentation, "Lambda runtimes"). The linker uses no newer
# symbols, whatever version this machine has.
glibc=2.34

die() {
    echo "package: $*" >&2
    exit 1
}

triple_of() {
    case $1 in
        arm64) echo aarch64-unknown-linux-gnu ;;
        x86_64) echo x86_64-unknown-linux-gnu ;;
        *) die "unknown processor: $1; use arm64 or x86_64" ;;
    esac
}
for processor in "$@"; do triple_of "$processor" >/dev/null; done

command -v python3 >/dev/null 2>&1 || die "python3 is not installed; install Python 3.10 or newer, with its venv module"
wanted=$({ python3 -c 'import sys; print(sys.version)'; cat scripts/package-requirements.txt; } | cksum)
if [ "$(cat "$place/stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "installing cargo-zigbuild and zig in $place (once)"
    rm -rf "$place"
    python3 -m venv "$place" || die "python3 has no venv module (Debian, Ubuntu: apt-get install python3-venv)"
    "$place/bin/python" -m pip install --quiet --disable-pip-version-check -r scripts/package-requirements.txt \
        || die "pip could not install scripts/package-requirements.txt; check that PyPI is reachable"
    printf '%s\n' "$wanted" >"$place/stamp"
fi
[ -z "$tools_only" ] || exit 0
PATH=$place/bin:$PATH
export PATH

# Succeeds if rustc has a standard library for the processor, or rustup can install one.
has_std() {
    [ -d "$(rustc --print sysroot)/lib/rustlib/$1/lib" ] && return 0
    command -v rustup >/dev/null 2>&1 && rustup target add "$1"
}

. "$root/scripts/reproducible.sh"

left_out=
for processor in "$@"; do
    triple=$(triple_of "$processor")
    if ! has_std "$triple"; then
        echo "package: skipped $processor: rustc has no standard library for $triple; run 'rustup target add $triple'" >&2
        left_out="$left_out $processor"
        continue
    fi
    programs=
    for function in $functions; do programs="$programs --bin landbridge-$function"; done
    # shellcheck disable=SC2086 # word splitting is intended
    cargo zigbuild --release --locked --target "$triple.$glibc" -p landbridge-functions $programs
    mkdir -p "$target/lambda/$processor"
    for function in $functions; do
        python3 scripts/zip-function.py "$target/$triple/release/landbridge-$function" \
            "$target/lambda/$processor/$function.zip"
    done
done

cd "$target/lambda"
# Sorted, so that the list is reproducible too.
find . -name '*.zip' | LC_ALL=C sort | sed 's|^\./||' | xargs sha256sum >SHA256SUMS
while read -r hash zip; do
    printf '%-24s %9d bytes  sha256 %s\n' "$zip" "$(wc -c <"$zip")" "$hash"
done <SHA256SUMS
[ -z "$left_out" ] || die "some packages were not built:$left_out"
