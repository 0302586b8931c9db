#compdef ssdh
# Completion of ssdh in zsh: eval "$(ssdh completion zsh)" after compinit
_ssdh_completion() {
    local -a finished open
    local value
    for value in "${(@f)$(
        COMP_LEFT="${(j: :)words[1,CURRENT-1]} $QIPREFIX$PREFIX" \
            COMP_RIGHT="$SUFFIX ${(j: :)words[CURRENT+1,-1]}" \
            SSDH_COMPLETE=zsh "${words[1]}" 2>/dev/null </dev/null
    )}"; do
        case $value in
            ('') ;;
            (*[/:]) open+=("$value") ;;
            (*) finished+=("$value") ;;
        esac
    done
    # -Q: the values are quoted already.
    (( $#finished )) && compadd -Q -V values -a finished
    (( $#open )) && compadd -Q -V values -S '' -a open
}
if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then
    _ssdh_completion "$@"
else
    compdef _ssdh_completion ssdh
fi
