# Completion of ssdh in bash: eval "$(ssdh completion bash)"
_ssdh_completion() {
    local value
    COMPREPLY=()
    while IFS= read -r value; do
        COMPREPLY+=("$value")
    done < <(
        COMP_LEFT=${COMP_LINE:0:COMP_POINT} COMP_RIGHT=${COMP_LINE:COMP_POINT} \
            COMP_BREAKS=$COMP_WORDBREAKS SSDH_COMPLETE=bash "$1" 2>/dev/null </dev/null
    )
    # A folder and the prefix zoo: go on.
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[/:] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o nosort -F _ssdh_completion ssdh 2>/dev/null || complete -F _ssdh_completion ssdh
