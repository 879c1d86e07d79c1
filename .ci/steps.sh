# Steps of a check: each is a function; its time stands in the table that `finish` prints, and a
# step that fails says last what it was and how to repeat it. Sourced by .ci/run.
#
#   step NAME 'how to repeat it' COMMAND...     runs it and waits
#   begin NAME 'how to repeat it' COMMAND...    runs it beside the next steps
#   settle NAME                                 waits for it and prints what it said

step_logs=$(mktemp -d)
step_rows=()
step_started=$SECONDS
declare -A step_pid step_began step_repeat

now_seconds() { echo "$((SECONDS - step_started))"; }

# The last lines of a failed check.
step_failed() { # name, repeat, log
    if [ -n "$3" ]; then
        echo "--- the end of what '$1' said:"
        tail -n 150 "$3"
    fi
    step_table
    printf '\nFAILED: %s (after %s s)\nrepeat it with: %s\n' "$1" "$(now_seconds)" "$2"
    exit 1
}

step() {
    local name=$1 repeat=$2 began=$SECONDS
    shift 2
    printf '\n=== %s (at %s s)\n' "$name" "$(now_seconds)"
    # In a subshell with -e of its own: a function called in a condition would lose it.
    set +e
    (set -euo pipefail; "$@")
    local status=$?
    set -e
    step_rows+=("$((SECONDS - began))|$name|")
    [ "$status" -eq 0 ] || step_failed "$name" "$repeat" ''
}

begin() {
    local name=$1
    step_repeat[$name]=$2
    step_began[$name]=$SECONDS
    shift 2
    printf '\n=== %s begins, beside the next steps (at %s s)\n' "$name" "$(now_seconds)"
    (set -euo pipefail; "$@"; echo "$SECONDS" >"$step_logs/${name// /_}.ended") >"$step_logs/${name// /_}" 2>&1 </dev/null &
    step_pid[$name]=$!
}

settle() { # name [lines of its log to print, as a pattern]
    local name=$1 pattern=${2:-.} log="$step_logs/${1// /_}" status=0
    printf '\n=== %s is waited for (at %s s)\n' "$name" "$(now_seconds)"
    wait "${step_pid[$name]}" || status=$?
    local ended=$SECONDS
    [ ! -e "$log.ended" ] || ended=$(cat "$log.ended")
    unset "step_pid[$name]"
    step_rows+=("$((ended - ${step_began[$name]}))|$name|beside others")
    [ "$status" -eq 0 ] || step_failed "$name" "${step_repeat[$name]}" "$log"
    grep -E "$pattern" "$log" || true
}

step_table() {
    local total row seconds name how
    total=$(now_seconds)
    printf '\n%-62s %8s %6s\n' step seconds share
    for row in ${step_rows[@]+"${step_rows[@]}"}; do
        IFS='|' read -r seconds name how <<<"$row"
        printf '%-62s %8s %5s%% %s\n' "$name" "$seconds" "$((100 * seconds / (total > 0 ? total : 1)))" "$how"
    done
    printf '%-62s %8s\n' 'all, by the clock' "$total"
}

# Ends what still runs beside; to be called from the trap on EXIT.
end_steps() {
    local pid
    for pid in ${step_pid[@]+"${step_pid[@]}"}; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$step_logs"
}
