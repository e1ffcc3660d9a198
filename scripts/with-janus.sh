#!/usr/bin/env bash
# Runs a command beside a private Janus, the Debian package's, with nothing but VideoRoom, to compare with:
#   scripts/with-janus.sh target/release/parta-load sfu-beside --scenario 1-to-100
# The command finds it by PARTA_BENCH_JANUS_PORT (WebSocket on 127.0.0.1) and PARTA_BENCH_JANUS_PID. It is gone
# afterwards, however the command ends. The package is installed when it is missing.
set -euo pipefail

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

if [ "$(dpkg-query -W -f '${db:Status-Status}' janus 2>/dev/null)" != installed ]; then
    echo "with-janus: installing janus" >&2
    log=$(mktemp)
    # RUNLEVEL keeps the package from starting its own server where it can; otherwise that is stopped.
    {
        as_root apt-get update -qq &&
            as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
                apt-get install -y -qq --no-install-recommends janus
    } >"$log" 2>&1 </dev/null || { cat "$log" >&2 && exit 1; }
    rm -f "$log"
    if command -v systemctl >/dev/null && systemctl is-active --quiet janus 2>/dev/null; then
        as_root systemctl disable --now janus
    fi
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/parta-janus.XXXXXX")
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

# Threads that carry media, shared by all connections; by default each connection has one of its own.
loops=${PARTA_BENCH_JANUS_LOOPS:-}
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
# Janus takes no loopback interface; the machine's own address is reached through it all the same.
address=$(hostname -I | tr ' ' '\n' | grep -m 1 -F . || true)
[ -n "$address" ] || { echo "with-janus: this machine has no IPv4 address but the loopback's" >&2 && exit 1; }
library=$(dirname "$(dpkg -L janus | grep -m 1 '/libjanus_videoroom\.so$')")
library=$(dirname "$library")
mkdir "$folder/plugins" "$folder/transports" "$folder/none"
ln -s "$library/plugins/libjanus_videoroom.so" "$folder/plugins/"
ln -s "$library/transports/libjanus_websockets.so" "$folder/transports/"

# Each of these spares Janus work or wakening: errors and warnings only, no news of the admin interface, ICE lite on one
# address alone, no reports on media that pauses. A session lasts as long as its WebSocket, so nobody has to keep it
# alive.
cat >"$folder/janus.jcfg" <<JCFG
general: {
    configs_folder = "$folder"
    plugins_folder = "$folder/plugins"
    transports_folder = "$folder/transports"
    loggers_folder = "$folder/none"
    events_folder = "$folder/none"
    debug_level = 3
    session_timeout = 0
    ${loops:+event_loops = $loops}
}
media: {
    no_media_timer = 0
    slowlink_threshold = 0
}
nat: {
    nice_debug = false
    ice_lite = true
    ice_enforce_list = "$address"
    ignore_mdns = true
}
JCFG
cat >"$folder/janus.transport.websockets.jcfg" <<JCFG
general: {
    json = "compact"
    ws = true
    ws_port = $port
    ws_ip = "127.0.0.1"
    ws_logging = 0
}
JCFG
: >"$folder/janus.plugin.videoroom.jcfg"

ulimit -n "$(ulimit -Hn)"
janus -C "$folder/janus.jcfg" -F "$folder" >"$folder/out.log" 2>&1 </dev/null &
pid=$!

for ((tries = 0; ; tries++)); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    if ((tries == 300)) || ! kill -0 "$pid" 2>/dev/null; then
        cat "$folder"/*.log >&2
        exit 1
    fi
    sleep 0.1
done

export PARTA_BENCH_JANUS_PORT=$port PARTA_BENCH_JANUS_ADDRESS=$address PARTA_BENCH_JANUS_PID=$pid
"$@"
