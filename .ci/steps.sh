# Steps of a check: each is a function; its time stands in the table that `step_table` prints, and a
# step that fails says last what it was and how to repeat it. Sourced by .ci/run.
#
#   step NAME 'how to repeat it' COMMAND...     runs it and waits

step_logs=$(mktemp -d)
step_rows=()
step_started=$SECONDS

now_seconds() { echo "$((SECONDS - step_started))"; }

# The last lines of a failed check.
step_failed() { # name, repeat
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
    step_rows+=("$((SECONDS - began))|$name")
    [ "$status" -eq 0 ] || step_failed "$name" "$repeat"
}

step_table() {
    local total row seconds name
    total=$(now_seconds)
    printf '\n%-62s %8s %6s\n' step seconds share
    for row in ${step_rows[@]+"${step_rows[@]}"}; do
        IFS='|' read -r seconds name <<<"$row"
        printf '%-62s %8s %5s%%\n' "$name" "$seconds" "$((100 * seconds / (total > 0 ? total : 1)))"
    done
    printf '%-62s %8s\n' 'all, by the clock' "$total"
}

# To be called from the trap on EXIT.
end_steps() { rm -rf "$step_logs"; }
