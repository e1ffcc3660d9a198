#!/usr/bin/env bash
# Runs a command beside a private ejabberd, the Debian package's, to compare with:
#   scripts/with-ejabberd.sh target/release/parta-load beside
# The command finds it by PARTA_BENCH_EJABBERD_PORT (plain client connections on 127.0.0.1) and
# PARTA_BENCH_EJABBERD_PID. It stores nothing, logs warnings only, admits anybody by any password and has no node
# name, so that it neither needs nor disturbs another Erlang on the machine. It is gone afterwards, however the
# command ends. The package is installed when it is missing.
set -euo pipefail

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

if [ "$(dpkg-query -W -f '${db:Status-Status}' ejabberd 2>/dev/null)" != installed ]; then
    echo "with-ejabberd: installing ejabberd" >&2
    log=$(mktemp)
    # RUNLEVEL keeps the package from starting its own server where it can; otherwise that is stopped.
    {
        as_root apt-get update -qq &&
            as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
                apt-get install -y -qq --no-install-recommends ejabberd
    } >"$log" 2>&1 </dev/null || { cat "$log" >&2 && exit 1; }
    rm -f "$log"
    if command -v systemctl >/dev/null && systemctl is-active --quiet ejabberd 2>/dev/null; then
        as_root systemctl disable --now ejabberd
    fi
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/parta-ejabberd.XXXXXX")
pid=

stop() {
    status=$?
    trap '' INT TERM
    [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
    exit "$status"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir "$folder/database"
cat >"$folder/ejabberd.yml" <<YML
hosts: [localhost]
loglevel: warning
listen:
  - port: $port
    ip: "127.0.0.1"
    module: ejabberd_c2s
    access: all
    shaper: none
    starttls: false
    backlog: 4096
auth_method: [anonymous]
anonymous_protocol: login_anon
allow_multiple_connections: true
modules:
  mod_muc:
    access: all
    access_create: all
    history_size: 0
    max_users: 1000
    min_message_interval: 0
    default_room_options:
      persistent: false
      logging: false
YML

# As the package's ejabberdctl starts it, without a node name. +sbwt none: idle schedulers sleep instead of spinning,
# which spares ejabberd processor time that would otherwise count against it.
cd "$folder"
env ERL_LIBS=/usr/lib/x86_64-linux-gnu ERL_MAX_PORTS=65536 ERL_CRASH_DUMP="$folder/crash.dump" \
    EJABBERD_CONFIG_PATH="$folder/ejabberd.yml" EJABBERD_LOG_PATH="$folder/ejabberd.log" HOME="$folder" \
    erl +K true +P 250000 +sbwt none +sbwtdcpu none +sbwtdio none -noinput \
    -mnesia dir "\"$folder/database\"" -s ejabberd >"$folder/out.log" 2>&1 </dev/null &
pid=$!
cd "$OLDPWD"

for ((tries = 0; ; tries++)); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    if ((tries == 300)) || ! kill -0 "$pid" 2>/dev/null; then
        cat "$folder"/*.log >&2
        exit 1
    fi
    sleep 0.1
done

export PARTA_BENCH_EJABBERD_PORT=$port PARTA_BENCH_EJABBERD_PID=$pid
"$@"
