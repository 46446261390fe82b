"""`reconciler completion`."""

from __future__ import annotations

from typing import Final

import click

from reconciler.cli.options import Command, GlobalOptions
from reconciler.cli.streams import echo_data

# Each script asks the program itself, with the words up to the cursor, and gets lines of tabs: `plain`, the word and its
# help, or `file`, where the shell completes file names itself.
_BASH: Final = r"""
_reconciler() {
    local kind word help
    COMPREPLY=()
    while IFS=$'\t' read -r kind word help; do
        if [[ $kind == file ]]; then
            type compopt &>/dev/null && compopt -o default
            COMPREPLY=()
            return 0
        fi
        COMPREPLY+=("$word")
        if [[ $word == *= || $word == */ ]]; then
            type compopt &>/dev/null && compopt -o nospace
        fi
    done < <(_RECONCILER_COMPLETE=bash _RECONCILER_WORDS="${COMP_LINE:0:COMP_POINT}" \
        _RECONCILER_BREAKS="$COMP_WORDBREAKS" "$1" 2>/dev/null)
    return 0
}
complete -o nosort -F _reconciler reconciler 2>/dev/null || complete -F _reconciler reconciler
"""

_ZSH: Final = r"""
#compdef reconciler
_reconciler() {
    local line
    local -a parts open closed open_help closed_help
    for line in "${(@f)$(_RECONCILER_COMPLETE=zsh _RECONCILER_WORDS="${(F)words[1,CURRENT-1]}"$'\n'"$PREFIX" \
        "${words[1]}" 2>/dev/null)}"; do
        parts=("${(@s:	:)line}")
        if [[ $parts[1] == file ]]; then
            compset -P '*='
            _files
            return
        elif [[ $parts[1] != plain ]]; then
            continue
        elif [[ $parts[2] == *[=/] ]]; then
            open+=("$parts[2]")
            open_help+=("$parts[2]${parts[3]:+  -- $parts[3]}")
        else
            closed+=("$parts[2]")
            closed_help+=("$parts[2]${parts[3]:+  -- $parts[3]}")
        fi
    done
    (( $#open )) && compadd -l -S '' -d open_help -a open
    (( $#closed )) && compadd -l -d closed_help -a closed
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _reconciler "$@"
else
    compdef _reconciler reconciler
fi
"""

_FISH: Final = r"""
function __reconciler_complete
    set -l typed (commandline -ct)
    set -l words (string join \n -- (commandline -opc) "$typed" | string collect)
    for line in (env _RECONCILER_COMPLETE=fish _RECONCILER_WORDS="$words" reconciler 2>/dev/null)
        set -l parts (string split \t -- $line)
        if test "$parts[1]" = file
            set -l before (string match -r '^.*=' -- "$typed")
            for path in (__fish_complete_path (string replace -r '^.*=' '' -- "$typed"))
                echo "$before$path"
            end
        else
            printf '%s\t%s\n' $parts[2] $parts[3]
        end
    end
end
complete -c reconciler -f -a '(__reconciler_complete)'
"""

SCRIPTS: Final = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


@click.command(
    cls=Command,
    name="completion",
    examples={
        "reconciler completion bash > ~/.local/share/bash-completion/completions/reconciler": "for bash",
        "reconciler completion zsh > ~/.zfunc/_reconciler": "for zsh: a folder of its `fpath`",
        "reconciler completion fish > ~/.config/fish/completions/reconciler.fish": "for fish",
    },
)
@click.argument("shell", type=click.Choice(tuple(SCRIPTS)), metavar="bash|zsh|fish")
@click.pass_obj
def command(options: GlobalOptions, shell: str) -> int:
    """Print the script that completes commands, options and names in a shell.

    Keys, addresses and labels come from the manifests, registries and environments from reconciler.yaml. No registry is
    asked, and where manifests or configuration are broken, nothing is said.
    """
    echo_data(SCRIPTS[shell].strip("\n"), exact=True)
    return 0
