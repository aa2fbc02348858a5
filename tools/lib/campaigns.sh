# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
#
# Sourced by tools/test: runs campaigns, one alone or several beside one another, and keeps the tally of all.
#
# Each runs in a process group of its own, and what it leaves running is ended after it. A command that is no function
# of the shell is ended after LIMIT seconds.

LIMIT=900
# Those that run beside one another wait most of the time: for seals, for pauses, for each other's servers.
AT_ONCE=$(($(nproc) * 2))

passed=0
failed=0
skipped=0
failures=
left_out=
work=$(mktemp -d)
declare -A running=()
waiting=()

end_all() {
    local name
    for name in "${!running[@]}"; do kill -- "-${running[$name]}" 2>/dev/null; done
    rm -rf "$work"
}
trap end_all EXIT
trap 'exit 130' INT TERM

# count PASSED FAILED: adds to the totals.
count() {
    passed=$((passed + $1))
    failed=$((failed + $2))
}

# skip NAME COUNT: what could not be tried is named at the end.
skip() {
    skipped=$((skipped + $2))
    left_out+="${left_out:+, }$1 $2"
}

# blame NAME: keeps what a campaign says of its failures for the end, where it is found without reading everything.
blame() {
    local said='^(FAIL|no  |  +✘|✘|not ok)|recorded an issue|[Ee]rror:|Failure:'
    failures+=$(printf '\n%s:\n' "$1"; grep -E "$said" "$work/$1.log" | head -20)$'\n'
}

# Tells the totals, and ends.
finish() {
    [ -n "$failures" ] && printf '\nwhat failed:%s' "$failures"
    printf '\n%d skipped%s\n%d passed, %d failed\n' "$skipped" "${left_out:+: $left_out}" "$passed" "$failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
    exit
}

# start NAME COMMAND...: in the background; what it says goes to NAME.log, its exit status and seconds to NAME.end.
start() {
    local name=$1
    shift
    [ "$(type -t "$1")" = function ] || set -- timeout --foreground -k 30 "$LIMIT" "$@"
    : >"$work/$name.log"
    set -m
    {
        SECONDS=0
        "$@"
        echo "$? $SECONDS" >"$work/$name.end"
    } >>"$work/$name.log" 2>&1 </dev/null &
    set +m
    running[$name]=$!
}

# settle NAME: waits until it has ended, with all that it started.
settle() {
    wait "${running[$1]}"
    kill -- "-${running[$1]}" 2>/dev/null
    unset "running[$1]"
}

# score NAME: counts what a campaign says in its last line `N passed, N failed…`. One that ended without that line, or
# badly with no failure counted, counts as one failure; the exit status 77 says that the machine cannot run it.
score() {
    local name=$1 log="$work/$1.log" code=1 seconds=0 line good bad left
    [ -e "$work/$name.end" ] && read -r code seconds <"$work/$name.end"
    line=$(grep -E '^([A-Za-z]+: )?[0-9]+ passed, [0-9]+ failed' "$log" | tail -1)
    if [ -n "$line" ]; then
        good=$(grep -oE '[0-9]+ passed' <<<"$line" | cut -d' ' -f1)
        bad=$(grep -oE '[0-9]+ failed' <<<"$line" | cut -d' ' -f1)
        left=$(grep -oE '[0-9]+ skipped' <<<"$line" | cut -d' ' -f1)
        [ "$code" -ne 0 ] && [ "$bad" -eq 0 ] && { bad=1; echo "$name: exit $code, whatever it counted"; }
        [ "$bad" -ne 0 ] && blame "$name"
        [ "${left:-0}" -ne 0 ] && skip "$name" "$left"
        count "$good" "$bad"
    elif [ "$code" -eq 77 ]; then
        skip "$name" 1
        echo "$name: skipped, this machine cannot run it"
    else
        count 0 1
        blame "$name"
        echo "$name: ended without its closing line (exit $code)"
    fi
    echo "$name took $seconds s"
}

# tallied NAME COMMAND...: a campaign that runs alone; what it says is shown as it comes.
tallied() {
    printf '\n== %s\n' "$1"
    start "$@"
    tail -n +1 -s 0.2 -f --pid="${running[$1]}" "$work/$1.log"
    settle "$1"
    score "$1"
}

# beside NAME COMMAND...: a campaign that runs beside others, AT_ONCE at a time; `together` tells of it.
beside() {
    while [ "${#running[@]}" -ge "$AT_ONCE" ]; do settle_one; done
    start "$@"
    waiting+=("$1")
    echo "$1 has begun"
}

# Waits until one of those that run has ended.
settle_one() {
    local name
    while :; do
        for name in "${!running[@]}"; do
            kill -0 "${running[$name]}" 2>/dev/null && continue
            settle "$name"
            return
        done
        sleep 0.2
    done
}

# Waits for all that run beside one another, and shows what each said, in the order in which they were named.
together() {
    local name
    while [ "${#running[@]}" -gt 0 ]; do settle_one; done
    for name in "${waiting[@]}"; do
        printf '\n== %s\n' "$name"
        cat "$work/$name.log"
        score "$name"
    done
    waiting=()
}
