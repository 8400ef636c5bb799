# shellcheck shell=sh
# Installs packages of Debian: `. scripts/apt-packages.sh`, then `apt_packages NAME…`. Fails if there is no apt-get, no
# right to use it without a question, or no such package. Before that, `as_root` names how commands run as root; empty
# for root itself.

if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root='sudo -n'
else
    as_root=none
fi

apt_packages() {
    command -v apt-get >/dev/null 2>&1 && [ "$as_root" != none ] || return 1
    export DEBIAN_FRONTEND=noninteractive
    $as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}
