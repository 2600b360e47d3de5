# bash completion for renewalctl. Its commands and options are compared with the program's tables by a test.

# What a command takes, besides what all do.
_renewalctl_options() {
    case "$1" in
    "status") options="" ;;
    "devices") options="--slot --state --issuer --tag --id-prefix --campaign --expires-within --not-seen-for --level --limit --all" ;;
    "device") options="" ;;
    "trigger") options="--slot --state --issuer --tag --id-prefix --campaign --expires-within --not-seen-for --level --reason --yes" ;;
    "cancel") options="--slot --yes" ;;
    "hold") options="--slot --reason --yes" ;;
    "release") options="--slot" ;;
    "tag") options="--add --remove" ;;
    "campaign start") options="--slot --state --issuer --tag --id-prefix --campaign --expires-within --not-seen-for --level --reason --name --rate --start --deadline --group --yes" ;;
    "campaign status") options="--state" ;;
    "campaign pause") options="" ;;
    "campaign resume") options="" ;;
    "campaign abort") options="--yes" ;;
    "campaign watch") options="" ;;
    "alerts") options="--slot --id-prefix --level --unacknowledged --limit --all" ;;
    "alerts ack") options="--slot" ;;
    "audit") options="--slot --what --who --since --until --oldest --limit --all" ;;
    "audit verify") options="--issuer" ;;
    "policy") options="--slot" ;;
    "policy set") options="--slot --if-version --yes" ;;
    "forecast") options="" ;;
    "events") options="" ;;
    "help") options="" ;;
    "version") options="" ;;
    *) options="" ;;
    esac
}

_renewalctl() {
    local all="--host --port --username --password --cafile --capath --cert --key --insecure --id --timeout --json --color --config --help --version"
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command="" first="" options word i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
        --*=* | --insecure | --json | --help | --version | --yes | --all | --oldest | --unacknowledged) ;;
        --* | -[hpuPi]) ((i++)) ;; # its value follows
        -*) ;;
        *)
            if [[ -z $first ]]; then
                first=$word command=$word
            else
                case "$first $word" in
                campaign\ * | "alerts ack" | "audit verify" | "policy set") command="$first $word" ;;
                esac
                break
            fi
            ;;
        esac
    done
    case $previous in
    --what)
        COMPREPLY=($(compgen -W "seen triggered pending issued void delivered confirmed report refused expired regression split-identity restored alarm alert wake operator denied held released cancelled tagged acknowledged campaign policy configuration checkpoint" -- "$current"))
        return
        ;;
    --cafile | --cert | --key | --config) compopt -o default; return ;;
    --issuer)
        [[ $command != "audit verify" ]] || compopt -o default
        return
        ;;
    --capath) compopt -o dirnames; return ;;
    --color) COMPREPLY=($(compgen -W "auto always never" -- "$current")); return ;;
    --level) COMPREPLY=($(compgen -W "notice warning critical field" -- "$current")); return ;;
    --reason)
        [[ $command == hold ]] || COMPREPLY=($(compgen -W "expiry operator campaign ca-rotation regression policy" -- "$current"))
        return
        ;;
    --state)
        if [[ $command == campaign* ]] && [[ $command != "campaign start" ]]; then
            COMPREPLY=($(compgen -W "counting waiting running paused aborting aborted done" -- "$current"))
        else
            COMPREPLY=($(compgen -W "quiet triggered issuing issued held" -- "$current"))
        fi
        return
        ;;
    --slot | --tag | --id-prefix | --campaign | --expires-within | --not-seen-for | --limit | --name | --rate | --start | \
        --deadline | --group | --add | --remove | --who | --since | --until | --if-version | --host | --port | \
        --username | --password | --id | --timeout | -[hpuPi]) return ;; # anything
    esac
    if [[ $current == -* ]]; then
        _renewalctl_options "$command"
        COMPREPLY=($(compgen -W "$options $all" -- "$current"))
        return
    fi
    # What help is asked for is completed as if it were given.
    if [[ $command == help ]]; then
        command=${previous#help}
    fi
    case $command in
    "") COMPREPLY=($(compgen -W "status devices device trigger cancel hold release tag campaign alerts audit policy forecast events help version" -- "$current")) ;;
    campaign) COMPREPLY=($(compgen -W "start status pause resume abort watch" -- "$current")) ;;
    alerts) COMPREPLY=($(compgen -W "ack" -- "$current")) ;;
    audit) COMPREPLY=($(compgen -W "verify" -- "$current")) ;;
    policy) COMPREPLY=($(compgen -W "set" -- "$current")) ;;
    events) COMPREPLY=($(compgen -W "alert wake security campaign" -- "$current")) ;;
    "audit verify") compopt -o default ;;
    esac
}
complete -F _renewalctl renewalctl
