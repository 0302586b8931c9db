# Completion of ssdh in bash: eval "$(ssdh completion bash)"
_ssdh_completion() {
    local value left=${COMP_LINE:0:COMP_POINT} right=${COMP_LINE:COMP_POINT}
    # Programs that call this function may set the words alone.
    [[ -n $left ]] || left="${COMP_WORDS[*]:0:COMP_CWORD + 1}"
    COMPREPLY=()
    while IFS= read -r value; do
        COMPREPLY+=("$value")
    done < <(
        COMP_LEFT=$left COMP_RIGHT=$right COMP_REPLACED=${2-${COMP_WORDS[COMP_CWORD]}} \
            SSDH_COMPLETE=bash "${1:-ssdh}" 2>/dev/null </dev/null
    )
    # A folder and the prefix zoo: go on.
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[/:] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o nosort -F _ssdh_completion ssdh 2>/dev/null || complete -F _ssdh_completion ssdh
