# Completion of ssdh in fish: ssdh completion fish | source
function _ssdh_completion
    set --local --export COMP_LEFT (commandline --current-process --cut-at-cursor | string collect)
    set --local whole (commandline --current-process | string collect)
    set --local --export COMP_RIGHT (string sub --start (math 1 + (string length -- "$COMP_LEFT")) -- "$whole")
    set --local --export SSDH_COMPLETE fish
    command ssdh 2>/dev/null </dev/null
end
complete --no-files --keep-order --command ssdh --arguments '(_ssdh_completion)'
