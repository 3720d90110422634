# The demo: the sandbox and the bot, started, watched and stopped together; sourced by ./dev.
# shellcheck shell=bash

declare -A pids=() # the processes by name

# In a session of its own, so that Ctrl-C reaches only this script; it ends when this script is gone.
start() { # NAME COMMAND…
    local name=$1
    shift
    env -i "${environment[@]}" setsid setpriv --pdeathsig TERM "$@" </dev/null >"$data/$name.log" 2>&1 &
    pids[$name]=$!
}

ended() { # NAME: says how it ended, and its last words
    local status=0
    wait "${pids[$1]}" 2>/dev/null || status=$?
    say "the $1 ended with status $status; the end of $data/$1.log:"
    tail -n 30 "$data/$1.log" >&2
    exit 1
}

all_run() {
    local name
    for name in "${!pids[@]}"; do kill -0 "${pids[$name]}" 2>/dev/null || ended "$name"; done
}

await() { # NAME CONDITION…: until the condition holds; gives up after 30 seconds or when NAME ends
    local name=$1 deadline=$((SECONDS + 30))
    shift
    until "$@"; do
        kill -0 "${pids[$name]}" 2>/dev/null || ended "$name"
        if [ $SECONDS -ge $deadline ]; then
            tail -n 30 "$data/$name.log" >&2
            fail "the $name is not ready after 30 seconds; the end of $data/$name.log is above"
        fi
        sleep 0.1
    done
}

get() { # PATH: prints the answer of the sandbox
    exec 3<>"/dev/tcp/127.0.0.1/$port" || return
    printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' "$1" >&3
    timeout 5 cat <&3
} 2>/dev/null

is_listening() {
    port=$(sed -nE '1s|^listening on http://127\.0\.0\.1:([0-9]+)/?$|\1|p' "$data/sandbox.log" 2>/dev/null)
    [ -n "$port" ] && [[ $(get /) == "HTTP/1."?" 200 "* ]]
}

host_port() { sed -nE '/ bot: listening on port [0-9]+$/{s/.* //p;q}' "$data/host.log"; }

is_polling() { [[ $(get /sandbox/state) =~ \"polling\":\ *true ]]; }

is_free() { # PORT
    python3 - "$1" 2>/dev/null <<'END'
import socket, sys
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", int(sys.argv[1])))
END
}

stop() { # NAME: and what it may have left in its session
    local pid=${pids[$1]-} deadline=$((SECONDS + 15))
    [ -n "$pid" ] || return 0
    kill -TERM "$pid" 2>/dev/null || true
    while kill -0 "$pid" 2>/dev/null && [ $SECONDS -lt $deadline ]; do sleep 0.05; done
    deadline=$((SECONDS + 2))
    while kill -KILL -- "-$pid" 2>/dev/null && [ $SECONDS -lt $deadline ]; do sleep 0.05; done
    wait "$pid" 2>/dev/null || true
}

demo() {
    local wanted='' open=true files=() name
    # A script's background job starts with SIGINT ignored, and bash cannot undo that for itself.
    if (($(sed -n 's/^SigIgn:[[:space:]]*/0x/p' /proc/$$/status) & 1 << 1)); then
        exec env --default-signal=INT ./dev demo "$@" $($install || echo --no-install)
    fi
    data=var/demo
    while [ $# -gt 0 ]; do
        case $1 in
        -h | --help)
            usage
            return
            ;;
        --no-open) open=false ;;
        --port | --data)
            [ -n "${2:-}" ] || fail "$1 needs a value"
            if [ "$1" = --port ]; then wanted=$2; else data=$2; fi
            shift
            ;;
        --plugins | --config)
            [ -n "${2:-}" ] || fail "$1 needs a value"
            files+=("$1" "$2")
            shift
            ;;
        *) fail "demo does not know $1" ;;
        esac
        shift
    done
    port=${wanted:-8090}
    if [[ ! $port =~ ^[0-9]{1,5}$ ]] || [ "$port" -gt 65535 ]; then fail "--port needs a number up to 65535"; fi
    mkdir -p "$data"
    exec 9>>"$data/lock"
    flock -n 9 || fail "a demo on $data is running already: $(cat "$data/lock")"
    : >"$data/lock"

    require build
    build false
    if ! is_free "$port"; then
        [ -z "$wanted" ] || fail "port $port is in use; choose another with --port"
        say "port $port is in use, taking a free one"
        port=0
    fi

    # Nothing of the caller's own configuration: a demo never talks to the real Telegram.
    environment=("PATH=$PATH" "HOME=${HOME:-/}" "LANG=${LANG:-C.UTF-8}" "TMPDIR=${TMPDIR:-/tmp}")
    start sandbox "$build/sdk/sandbox/aisha-sandbox" --listen "127.0.0.1:$port" --data "$data/sandbox" \
        --flood-limits
    await sandbox is_listening
    # Empty means the default; setting them all keeps a .env file of the working copy out.
    for name in TELEGRAM_LOCAL BOT_MODE PUBLIC_URL WEBHOOK_SECRET REDIS_URL BLOB_PUBLIC_URL CDN_URL \
        OUTBOUND_RATE OUTBOUND_CHAT_RATE \
        OUTBOUND_GROUP_RATE MAX_IN_FLIGHT HTTP_SLOTS ADMIN_IDS AISHA_MASTER_KEY LOG_LEVEL LOG_FORMAT; do
        environment+=("$name=")
    done
    environment+=(BOT_TOKEN=123456:SANDBOX HTTP_LISTEN=127.0.0.1:0 "TELEGRAM_API_URL=http://127.0.0.1:$port"
        "OPENAI_BASE_URL=http://127.0.0.1:$port/openai/v1" OPENAI_API_KEY=sandbox
        "FAL_QUEUE_URL=http://127.0.0.1:$port/fal" "FAL_REST_URL=http://127.0.0.1:$port/fal"
        "FAL_API_URL=http://127.0.0.1:$port/fal/v1" FAL_KEY=sandbox
        "DATABASE_URL=sqlite:$data/aisha.db" "BLOB_URL=file:$data/files")
    start host "$build/host/aisha" "${files[@]}" run
    await host is_polling

    say "The host takes webhooks at http://127.0.0.1:$(host_port)/ and logs to $data/host.log."
    echo "http://127.0.0.1:$port/" | tee "$data/lock"
    say "Open it in a browser and talk to the bot. Ctrl-C stops everything."
    if $open && [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] && command -v xdg-open >/dev/null; then
        setsid -f xdg-open "http://127.0.0.1:$port/" >/dev/null 2>&1 9>&-
    fi
    all_run # no command between this and the wait: bash forgets who ended before it last started one
    wait -n "${pids[@]}" 2>/dev/null || true # bash has its own words for who was killed
    all_run
}
