# Sourced by scripts/package.sh and scripts/release.sh, with $root (the checkout) and $target (Cargo's build
# folder) set: the settings with which the same sources, toolchain and requirements produce the same bytes,
# wherever both folders are.

# Panic messages and C's __FILE__ contain paths of this machine. If several mappings match, the last
# one counts, so folders inside the checkout come after it.
cargo_home=${CARGO_HOME:-$HOME/.cargo}
RUSTFLAGS="--remap-path-prefix=$root=/landbridge --remap-path-prefix=$target=/target --remap-path-prefix=$cargo_home=/cargo"
CFLAGS="-ffile-prefix-map=$root=/landbridge -ffile-prefix-map=$target=/target -ffile-prefix-map=$cargo_home=/cargo"
# 1 January 1980, 00:00:00 UTC: the earliest time that a zip can store.
SOURCE_DATE_EPOCH=315532800
# Apple's ar and linker write times otherwise.
ZERO_AR_DATE=1
export RUSTFLAGS CFLAGS SOURCE_DATE_EPOCH ZERO_AR_DATE
unset CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTFLAGS
