package complete

// scripts ask fcctl for what may stand next. They are short on purpose: what
// they do, each shell does a little differently.
var scripts = map[string]string{
	"bash": `# fcctl completion for bash
_fcctl() {
    local IFS=$'\n'
    COMPREPLY=($(fcctl __complete bash "$COMP_WORDBREAKS" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null))
    if [[ ${COMPREPLY[0]-} == ':files' ]]; then
        COMPREPLY=()
        compopt -o default 2>/dev/null
    elif [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -F _fcctl fcctl
`,
	"zsh": `#compdef fcctl
# fcctl completion for zsh
_fcctl() {
    local line
    local -a candidates
    for line in "${(@f)$(fcctl __complete zsh "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
        if [[ $line == ':files' ]]; then
            _files
            return
        fi
        [[ -n $line ]] || continue
        line=${line//:/\\:}
        candidates+=("${line/$'\t'/:}")
    done
    (( ${#candidates} )) && _describe 'fcctl' candidates
}
if [[ ${funcstack[1]-} == _fcctl ]]; then
    _fcctl "$@"
else
    compdef _fcctl fcctl
fi
`,
	"fish": `# fcctl completion for fish
function __fcctl_complete
    set -l before (commandline -opc)
    set -e before[1]
    set -l found (fcctl __complete fish $before (commandline -ct | string unescape) 2>/dev/null)
    if test "$found[1]" = ':files'
        __fish_complete_path (commandline -ct)
        return
    end
    printf '%s\n' $found
end
complete -c fcctl -f -a '(__fcctl_complete)'
`,
	"powershell": `# fcctl completion for PowerShell
Register-ArgumentCompleter -Native -CommandName fcctl -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -le $cursorPosition } | ForEach-Object { "$_" })
    if ($wordToComplete -eq '') { $words += '""' }
    fcctl __complete powershell @words 2>$null | ForEach-Object {
        $text, $about = $_ -split "` + "`t" + `", 2
        if ($text -eq ':files') { return }
        if (-not $about) { $about = $text }
        [System.Management.Automation.CompletionResult]::new($text, $text, 'ParameterValue', $about)
    }
}
`,
}
