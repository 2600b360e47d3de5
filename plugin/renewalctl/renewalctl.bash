# bash completion for renewalctl. Its commands and options are compared with the program's tables by a test.

# What a command takes, besides what all do.
_renewalctl_options() {
    case "$1" in
    "status") options="" ;;
    "devices") options="--slot --state --issuer --tag --id-prefix --campaign --expires-within --not-seen-for --issued-after --issued-before --factory --revoked --trust-before --level --limit --all" ;;
    "device") options="" ;;
    "trigger") options="--slot --state --issuer --tag --id-prefix --campaign --expires-within --not-seen-for --issued-after --issued-before --factory --revoked --trust-before --level --reason --yes" ;;
    "cancel") options="--slot --yes" ;;
    "hold") options="--slot --reason --yes" ;;
    "release") options="--slot" ;;
    "tag") options="--add --remove" ;;
    "enroll") options="--factory --csv --tag" ;;
    "forbid") options="" ;;
    "token") options="--expires" ;;
    "revoke") options="--slot --state --issuer --tag --id-prefix --campaign --expires-within --not-seen-for --issued-after --issued-before --factory --revoked --trust-before --level --serial --device --list --reason --comment --yes" ;;
    "revoked") options="--issuer --limit --all" ;;
    "issuers") options="" ;;
    "census") options="" ;;
    "retire") options="--force --yes" ;;
    "revoke-issuer") options="--reason --comment --force --yes" ;;
    "restore-issuer") options="" ;;
    "trust show") options="" ;;
    "trust set") options="--mode --yes" ;;
    "ocsp") options="--slot --serial --out" ;;
    "crl") options="--out --pem" ;;
    "campaign start") options="--slot --state --issuer --tag --id-prefix --campaign --expires-within --not-seen-for --issued-after --issued-before --factory --revoked --trust-before --level --reason --name --rate --start --deadline --group --yes" ;;
    "campaign status") options="--state" ;;
    "campaign pause") options="" ;;
    "campaign resume") options="" ;;
    "campaign abort") options="--yes" ;;
    "campaign watch") options="" ;;
    "alerts") options="--slot --id-prefix --level --unacknowledged --limit --all" ;;
    "alerts ack") options="--slot" ;;
    "audit") options="--slot --what --who --since --until --oldest --follow --limit --all" ;;
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
        --*=* | --insecure | --json | --help | --version | --yes | --all | --oldest | --follow | --unacknowledged | --revoked | --force | --pem) ;;
        --* | -[hpuPi]) ((i++)) ;; # its value follows
        -*) ;;
        *)
            if [[ -z $first ]]; then
                first=$word command=$word
            else
                case "$first $word" in
                campaign\ * | "alerts ack" | "audit verify" | "policy set" | "trust show" | "trust set") command="$first $word" ;;
                esac
                break
            fi
            ;;
        esac
    done
    case $previous in
    --what)
        COMPREPLY=($(compgen -W "seen triggered pending issued void delivered confirmed report refused expired regression split-identity restored alarm alert wake operator denied held released cancelled tagged acknowledged campaign policy configuration checkpoint revoked issuer-revoked issuer-retired issuer-restored crl enrol-allowed enrol-forbidden token-made token-used trust-bundle trust-confirmed" -- "$current"))
        return
        ;;
    --cafile | --cert | --key | --config | --csv | --list | --out) compopt -o default; return ;;
    --issuer)
        [[ $command != "audit verify" ]] || compopt -o default
        return
        ;;
    --capath) compopt -o dirnames; return ;;
    --color) COMPREPLY=($(compgen -W "auto always never" -- "$current")); return ;;
    --level) COMPREPLY=($(compgen -W "notice warning critical field" -- "$current")); return ;;
    --mode) COMPREPLY=($(compgen -W "add replace" -- "$current")); return ;;
    --reason)
        case $command in
        hold) return ;;
        revoke | revoke-issuer)
            COMPREPLY=($(compgen -W "unspecified keyCompromise cACompromise affiliationChanged superseded cessationOfOperation certificateHold privilegeWithdrawn aACompromise" -- "$current"))
            return
            ;;
        esac
        COMPREPLY=($(compgen -W "expiry operator campaign ca-rotation regression policy" -- "$current"))
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
        --factory | --serial | --device | --expires | --comment | --issued-after | --issued-before | --trust-before | \
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
    "") COMPREPLY=($(compgen -W "status devices device trigger cancel hold release tag enroll forbid token revoke revoked issuers census retire revoke-issuer restore-issuer trust ocsp crl campaign alerts audit policy forecast events help version" -- "$current")) ;;
    campaign) COMPREPLY=($(compgen -W "start status pause resume abort watch" -- "$current")) ;;
    alerts) COMPREPLY=($(compgen -W "ack" -- "$current")) ;;
    audit) COMPREPLY=($(compgen -W "verify" -- "$current")) ;;
    trust) COMPREPLY=($(compgen -W "show set" -- "$current")) ;;
    policy) COMPREPLY=($(compgen -W "set" -- "$current")) ;;
    events) COMPREPLY=($(compgen -W "alert wake security campaign" -- "$current")) ;;
    "audit verify" | "trust set") compopt -o default ;;
    esac
}
complete -F _renewalctl renewalctl
