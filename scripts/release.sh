#!/bin/sh
# Builds the files of a release into target/release-files/<tag>. The workflow `release` runs it, and so can a
# laptop, which gives the same bytes on the same kind of system.
#
#   scripts/release.sh v0.2.0                 everything that this machine can build, and SHA256SUMS
#   scripts/release.sh v0.2.0 PART…           only these parts:
#       lambda     the functions' packages, an archive for each processor
#       command    the operator's command for this system; on Linux for both processors
#       sbom       what the programs are made of, in CycloneDX
#       sums       SHA256SUMS of all files that are there
#   RELEASE_TRIAL=1                           the tag need not exist: for a trial, whose files are not published
#   RELEASE_TRIAL=1 PROCESSORS=x86_64         a trial for this processor only
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
target=${CARGO_TARGET_DIR:-$root/target}
# Of cargo-cyclonedx, the tool of the CycloneDX project (OWASP).
cyclonedx=0.5.9

die() {
    echo "release: $*" >&2
    exit 1
}

[ $# -gt 0 ] || die "give the tag, for example: scripts/release.sh v0.2.0"
tag=$1
shift
[ $# -gt 0 ] || set -- lambda command sbom sums
for part in "$@"; do
    case $part in
        lambda | command | sbom | sums) ;;
        *) die "unknown part: $part; use lambda, command, sbom or sums" ;;
    esac
done

processors=${PROCESSORS:-arm64 x86_64}
[ -z "${PROCESSORS:-}" ] || [ "${RELEASE_TRIAL:-}" = 1 ] || die "PROCESSORS is for trials: a release has the files of both processors; set RELEASE_TRIAL=1"
triples=
for processor in $processors; do
    case $processor in
        arm64) triples="$triples aarch64-unknown-linux-gnu" ;;
        x86_64) triples="$triples x86_64-unknown-linux-gnu" ;;
        *) die "unknown processor: $processor; use arm64 or x86_64" ;;
    esac
done

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
[ "$tag" = "v$version" ] || die "the tag is $tag and Cargo.toml says $version; the tag of this version is v$version"
if [ "${RELEASE_TRIAL:-}" != 1 ]; then
    grep -q "^## \[$version\] - [0-9]" CHANGELOG.md \
        || die "CHANGELOG.md has no section '## [$version] - DATE'; give the version its date first"
    [ "$(git describe --tags --exact-match 2>/dev/null)" = "$tag" ] \
        || die "HEAD does not have the tag $tag; check it out, or set RELEASE_TRIAL=1 for a trial"
    [ -z "$(git status --porcelain)" ] || die "the checkout has changes that are not in $tag; commit or remove them"
fi

. "$root/scripts/reproducible.sh"
out=$target/release-files/$tag
work=$target/release-work
mkdir -p "$out"
rm -rf "$work"
mkdir -p "$work"

lambda() {
    # shellcheck disable=SC2086 # word splitting is intended
    scripts/package.sh $processors
    for processor in $processors; do
        folder=$work/$processor/lambda/$processor
        mkdir -p "$folder"
        cp "$target/lambda/$processor"/*.zip "$folder/"
        # Terraform compares both with what it deploys (terraform/modules/aws, `release`).
        echo "$tag $processor" >"$folder/RELEASE"
        checksums "$folder"
        cp LICENSE "$work/$processor/lambda/"
        python3 scripts/archive.py "$work/$processor" "$out/landbridge-$tag-lambda-$processor.tar.gz"
    done
}

# Writes SHA256SUMS of the files in a folder, sorted.
checksums() {
    (
        cd "$1"
        rm -f SHA256SUMS
        if command -v sha256sum >/dev/null 2>&1; then sum=sha256sum; else sum="shasum -a 256"; fi
        find . -maxdepth 1 -type f ! -name RELEASE ! -name 'SHA256SUMS*' | sed 's|^\./||' | LC_ALL=C sort | xargs $sum >SHA256SUMS.unfinished
        mv SHA256SUMS.unfinished SHA256SUMS
    )
}

command_for() {
    triple=$1
    folder=$work/$triple/landbridge-$tag-$triple
    mkdir -p "$folder/completions" "$folder/man/man1"
    cp "$2" "$folder/landbridge"
    cp LICENSE README.md CHANGELOG.md "$folder/"
    # The same for every system, so any program that runs here may write them.
    "$native" completions bash >"$folder/completions/landbridge.bash"
    "$native" completions zsh >"$folder/completions/_landbridge"
    "$native" completions fish >"$folder/completions/landbridge.fish"
    "$native" man --dir "$folder/man/man1" >/dev/null
    python3 scripts/archive.py "$work/$triple" "$out/landbridge-$tag-$triple.tar.gz"
}

program() {
    LANDBRIDGE_RELEASE=$tag
    export LANDBRIDGE_RELEASE
    host=$(rustc -vV | sed -n 's/^host: //p')
    case $host in
        *-linux-gnu)
            # With zig, as the functions, so that the program runs on systems with an older glibc.
            scripts/package.sh --tools
            PATH=$target/package-python/bin:$PATH
            export PATH
            for triple in $triples; do
                has_std "$triple" || die "rustc has no standard library for $triple; run 'rustup target add $triple'"
                cargo zigbuild --release --locked --target "$triple.2.28" -p landbridge-cli
            done
            native=$target/$host/release/landbridge
            for triple in $triples; do
                command_for "$triple" "$target/$triple/release/landbridge"
            done
            ;;
        *)
            cargo build --release --locked --target "$host" -p landbridge-cli
            native=$target/$host/release/landbridge
            command_for "$host" "$native"
            ;;
    esac
}

# Succeeds if rustc has a standard library for the processor, or rustup can install one.
has_std() {
    [ -d "$(rustc --print sysroot)/lib/rustlib/$1/lib" ] && return 0
    type rustup >/dev/null 2>&1 && rustup target add "$1"
}

sbom() {
    tools=$target/release-tools
    tool=$tools/bin/cargo-cyclonedx
    if [ ! -e "$tools/cyclonedx-$cyclonedx" ]; then
        # Without the flags of a release: the tool is not part of it.
        env -u RUSTFLAGS -u CFLAGS cargo install --quiet --locked --force --root "$tools" "cargo-cyclonedx@$cyclonedx"
        touch "$tools/cyclonedx-$cyclonedx"
    fi
    # It writes a file beside each Cargo.toml; the files of the programs are moved.
    name=landbridge-release
    "$tool" cyclonedx --quiet --format json --spec-version 1.5 --all --no-build-deps \
        --target x86_64-unknown-linux-gnu --override-filename "$name"
    # The ids of our own crates contain the path of the checkout.
    placeless() { sed "s|$root|/landbridge|g" "$1" >"$2"; }
    placeless "crates/cli/$name.json" "$out/landbridge-$tag-command.cdx.json"
    # One for all functions: they are programs of one package.
    placeless "crates/functions/$name.json" "$out/landbridge-$tag-lambda.cdx.json"
    find . -path ./target -prune -o -name "$name.json" -exec rm {} +
}

for part in "$@"; do
    case $part in
        lambda) lambda ;;
        command) program ;;
        sbom) sbom ;;
        sums) checksums "$out" ;;
    esac
done
rm -rf "$work"
echo "the files of $tag are in $out:"
(cd "$out" && for file in *; do printf '%10d bytes  %s\n' "$(wc -c <"$file")" "$file"; done)
