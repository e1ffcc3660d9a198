#!/usr/bin/env bash
# Brings a Debian 12 machine that has Rust, Node 20 and Python to the point where Parta builds (`run`) and its
# whole suite passes (`test`), or also `make api-check` (`api`). Says nothing and changes nothing when all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

mode=${1:-run}
run_packages=(build-essential)
test_packages=(redis-server postgresql nginx haproxy coturn clamav-daemon clamav-freshclam exim4-daemon-light dovecot-imapd dovecot-lmtpd bubblewrap poppler-utils libreoffice-writer-nogui iproute2 iptables conntrack socat openssl faketime chromium firefox-esr fonts-dejavu-core)
case $mode in
run) packages=("${run_packages[@]}") ;;
test | api) packages=("${run_packages[@]}" "${test_packages[@]}") ;;
*) echo "usage: $0 run|test|api" >&2 && exit 2 ;;
esac

for tool in cargo node npm; do
    command -v "$tool" >/dev/null || { echo "setup: $tool is missing; install Rust 1.94 and Node 20 first" >&2 && exit 1; }
done

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Debian's Python comes without what makes environments.
[ "$mode" = run ] || python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)

if command -v dpkg-query >/dev/null; then
    missing=()
    for package in "${packages[@]}"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        echo "setup: installing ${missing[*]}"
        log=$(mktemp)
        # One mail server does not go with another: what is installed stays, and whoever has one is told.
        # The tests start servers of their own; RUNLEVEL keeps the packages from starting theirs where it can, otherwise
        # they are stopped.
        {
            as_root apt-get update -qq &&
                as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
                    apt-get install -y -qq --no-remove --no-install-recommends "${missing[@]}"
        } >"$log" 2>&1 </dev/null || { cat "$log" >&2 && exit 1; }
        rm -f "$log"
        for package in "${missing[@]}"; do
            case $package in
            redis-server | postgresql | nginx | haproxy | coturn | clamav-daemon | clamav-freshclam) service=$package ;;
            exim4-daemon-light) service=exim4 ;;
            dovecot-imapd | dovecot-lmtpd) service=dovecot ;;
            *) continue ;;
            esac
            if command -v systemctl >/dev/null && systemctl is-active --quiet "$service" 2>/dev/null; then
                as_root systemctl disable --quiet --now "$service"
            fi
        done
    fi
fi

# npm writes node_modules/.package-lock.json last: it is older than the lock file when the tree is stale.
install_node_modules() {
    [ -f "$1/package-lock.json" ] || return 0
    [ "$1/node_modules/.package-lock.json" -nt "$1/package-lock.json" ] && return 0
    echo "setup: npm ci in $1"
    (cd "$1" && PUPPETEER_SKIP_DOWNLOAD=1 PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-audit --no-fund --loglevel=error)
    touch "$1/node_modules/.package-lock.json"
}

install_node_modules client-web
[ "$mode" = run ] || install_node_modules e2e

# The tests' cameras and displays (`devices`), and what checks the interface of bots (`api`).
install_python() {
    local venv=${CARGO_TARGET_DIR:-target}/$1 wanted=e2e/$1/requirements.txt
    cmp -s "$wanted" "$venv/installed.txt" && return 0
    echo "setup: Python packages for e2e/$1"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$wanted"
    cp "$wanted" "$venv/installed.txt"
}

[ "$mode" = run ] || install_python devices
[ "$mode" != api ] || install_python api
