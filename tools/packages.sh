# What the tree needs from the system, and how it gets there; sourced by ./dev.
# shellcheck shell=bash

# Each line: the set that needs it, Debian's name, how to find it elsewhere, what it is for. With own: one from
# elsewhere is as good (Node.js of its makers brings its npm, which Debian's package would displace).
packages() {
    cat <<'END'
build gcc                  cmd:gcc              C compiler
build libc6-dev            header:stdlib.h      headers of the C library
build pkg-config           cmd:pkg-config       finds the libraries
build meson                cmd:meson            build system
build ninja-build          cmd:ninja            build system
build python3              cmd:python3          code generation, tests
build ca-certificates      any                  https to the real Telegram and OpenAI
build libevent-dev         pkg:libevent         event loop
build libcurl4-openssl-dev pkg:libcurl          outgoing http
build libcjson-dev         pkg:libcjson         JSON
build libsqlite3-dev       pkg:sqlite3          embedded database
build libpq-dev            pkg:libpq            PostgreSQL
build libhiredis-dev       pkg:hiredis          Redis
build libssl-dev           pkg:libcrypto        signatures
build libexpat1-dev       pkg:expat            answers of S3
build libinih-dev          pkg:inih             configuration files
build libhttp-parser-dev   header:http_parser.h incoming http
build libzip-dev          pkg:libzip           archives of photos, here and in the sandbox
build libseccomp-dev       pkg:libseccomp       confines helper processes
build uthash-dev           header:uthash.h      hash tables
build libavformat-dev      pkg:libavformat      reads audio and video files
build libavcodec-dev       pkg:libavcodec       decodes audio
build libavutil-dev        pkg:libavutil        decodes audio
build libswresample-dev    pkg:libswresample    converts audio
build libsndfile1-dev      pkg:sndfile          voice notes of the sandbox
build libgd-dev            pkg:gdlib            pictures of the sandbox
build fonts-dejavu-core    any                  text in pictures of the sandbox
build libjemalloc-dev      pkg:jemalloc         speed
test  libcmocka-dev        pkg:cmocka           unit tests
test  clang                cmd:clang            second compiler
test  libclang-rt-14-dev   any                  sanitizers of clang
test  clang-format         cmd:clang-format     source format
test  valgrind             cmd:valgrind         memory checks
test  chromium             cmd:chromium         tests in a browser
test  chromium-driver      cmd:chromedriver     tests in a browser
test  fonts-noto-color-emoji any                emoji in pictures of the chat page
test  espeak-ng            cmd:espeak-ng        spoken test input
test  postgresql           cmd:pg_ctlcluster    a database server for tests
test  redis-server         cmd:redis-server     a Redis for tests
test  python3-swift        any                  an S3 server for tests
test  git                  cmd:git              lists the files to check
compat nodejs              own:node             runs bots of other libraries
compat npm                 own:npm              fetches those libraries
compat python3-venv        any                  keeps those for Python
END
}

found() { # CHECK: is it on this machine, wherever it came from?
    case $1 in
    any) ;;
    cmd:* | own:*) command -v "${1#*:}" >/dev/null ;;
    pkg:*) pkg-config --exists "${1#*:}" 2>/dev/null ;;
    header:*) echo "#include <${1#*:}>" | ${CC:-cc} -E - >/dev/null 2>&1 ;;
    esac
}

have_apt() { command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; }

missing() { # SET…: the lines of packages() that are not there
    local installed='' set package check purpose
    if have_apt; then
        # shellcheck disable=SC2016
        installed=$(packages | awk '{print $2}' |
            xargs dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null || true)
    fi
    while read -r set package check purpose; do
        [[ " $* " == *" $set "* ]] || continue
        grep -qx "installed $package" <<<"$installed" && continue
        if ! have_apt || ! $install || [[ $check == own:* ]]; then found "$check" && continue; fi
        echo "$set $package $check $purpose"
    done < <(packages)
}

require() { # SET…: after this, everything in these sets is there
    local lines names
    lines=$(missing "$@")
    [ -n "$lines" ] || return 0
    names=$(awk '{printf "%s%s", sep, $2; sep = " "}' <<<"$lines")
    if have_apt && $install; then
        apt_install "$names"
        return
    fi
    say "These are missing (names of the Debian packages):"
    awk '{p = $2; $1 = $2 = $3 = ""; sub(/^ +/, ""); printf "  %-22s %s\n", p, $0}' <<<"$lines" >&2
    if have_apt; then say "Install them with: apt-get install --no-install-recommends $names"; fi
    exit 1
}

apt_install() { # "PACKAGE…": as root, without questions, without starting services, without removing anything
    local log=var/apt.log root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "as root, run: apt-get install --no-install-recommends $1"
        root=(sudo)
    fi
    say "installing Debian packages: $1"
    mkdir -p var
    # shellcheck disable=SC2016,SC2086
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 sh -c '
        policy=/usr/sbin/policy-rc.d
        if [ ! -e $policy ]; then
            trap "rm -f $policy" EXIT
            trap "exit 1" HUP INT TERM
            printf "#!/bin/sh\nexit 101\n" >$policy && chmod 755 $policy
        fi
        common=/etc/postgresql-common
        case " $* " in *" postgresql "*) # its server, but no database of the system
            mkdir -p $common
            [ -e $common/createcluster.conf ] ||
                echo "create_main_cluster = false" >$common/createcluster.conf ;;
        esac
        apt-get update -q || echo "apt-get update failed, trying with the lists that are here"
        apt-get install -y -q --no-install-recommends --no-remove -o DPkg::Lock::Timeout=600 \
            -o Dpkg::Options::=--force-confold "$@"
    ' sh $1 </dev/null >"$log" 2>&1 || { tail -n 30 "$log" >&2; fail "apt-get failed, the whole log is in $log"; }
}
