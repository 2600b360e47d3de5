#include "plugin/renewalctl/options.h"

#include <stddef.h>
#include <string.h>

#define AT(field) offsetof(struct ctl_options, field)
#define REASONS "expiry|operator|campaign|ca-rotation|regression|policy"
/* CRLReason of RFC 5280 section 5.3.1, but removeFromCRL, which is no reason to revoke */
#define CAUSES                                                                                                         \
    "unspecified|keyCompromise|cACompromise|affiliationChanged|superseded|cessationOfOperation|certificateHold|"       \
    "privilegeWithdrawn|aACompromise"

const struct ctl_option ctl_option_table[] = {
    /* the connection, as with mosquitto_pub */
    { 'h', "host", "HOST", CTL_KIND_TEXT, AT(host), 0, NULL, true, CTL_FOR_ALL, "broker (default localhost)" },
    { 'p', "port", "PORT", CTL_KIND_NUMBER, AT(port), 65535, NULL, true, CTL_FOR_ALL,
      "default 8883 with TLS, 1883 without" },
    { 'u', "username", "NAME", CTL_KIND_TEXT, AT(username), 0, NULL, true, CTL_FOR_ALL, "user of the broker" },
    { 'P', "password", "PW", CTL_KIND_TEXT, AT(password), 0, NULL, true, CTL_FOR_ALL,
      "better in the configuration file: arguments can be seen" },
    { 0, "pw", "PW", CTL_KIND_TEXT, AT(password), 0, NULL, false, CTL_FOR_ALL, NULL },
    { 0, "cafile", "FILE", CTL_KIND_TEXT, AT(cafile), 0, NULL, true, CTL_FOR_ALL, "whom to trust, PEM; turns TLS on" },
    { 0, "capath", "DIR", CTL_KIND_TEXT, AT(capath), 0, NULL, true, CTL_FOR_ALL, "the same, a directory of them" },
    { 0, "cert", "FILE", CTL_KIND_TEXT, AT(cert), 0, NULL, true, CTL_FOR_ALL, "who you are, PEM" },
    { 0, "key", "FILE", CTL_KIND_TEXT, AT(key), 0, NULL, true, CTL_FOR_ALL, "its private key, PEM" },
    { 0, "insecure", NULL, CTL_KIND_FLAG, AT(insecure), 0, NULL, true, CTL_FOR_ALL,
      "do not compare the server's name with its certificate" },
    { 'i', "id", "ID", CTL_KIND_TEXT, AT(id), 0, NULL, true, CTL_FOR_ALL, "client id (default: a random one)" },
    { 0, "timeout", "SECONDS", CTL_KIND_NUMBER, AT(timeout_s), CTL_TIMEOUT_MAX_S, NULL, true, CTL_FOR_ALL,
      "for each answer, with connecting, 1-3600 (default 10)" },
    { 0, "json", NULL, CTL_KIND_FLAG, AT(json), 0, NULL, false, CTL_FOR_ALL,
      "the answer as JSON: an object, or an array of rows" },
    { 0, "color", "WHEN", CTL_KIND_CHOICE, AT(colour), 0, "auto|always|never", true, CTL_FOR_ALL,
      "auto (default: on a terminal, unless NO_COLOR is set),\nalways or never" },
    { 0, "config", "FILE", CTL_KIND_CONFIG, 0, 0, NULL, false, CTL_FOR_ALL,
      "default ~/.config/renewalctl: lines of an option's long\nname and its value; arguments win" },
    { 0, "help", NULL, CTL_KIND_HELP, 0, 0, NULL, false, CTL_FOR_ALL, "this, or a command's own" },
    { 0, "version", NULL, CTL_KIND_VERSION, 0, 0, NULL, false, CTL_FOR_ALL, "which version this is" },
    /* which slots */
    { 0, "slot", "SLOT", CTL_KIND_NAME, AT(slot), 0, NULL, false, CTL_FOR_SLOT, "which of a device's certificates" },
    { 0, "state", "STATE", CTL_KIND_CHOICE, AT(state), 0, "quiet|triggered|issuing|issued|held", false, CTL_FOR_FILTER,
      "quiet, triggered, issuing, issued or held" },
    { 0, "issuer", "ID", CTL_KIND_NAME, AT(issuer), 0, NULL, false,
      CTL_FOR_FILTER | CTL_FOR_REVOKED, "issued by this one, as `status` shows it" },
    { 0, "tag", "TAG", CTL_KIND_NAME, AT(tag), 0, NULL, false, CTL_FOR_FILTER, "devices with this tag" },
    { 0, "id-prefix", "TEXT", CTL_KIND_NAME, AT(prefix), 0, NULL, false, CTL_FOR_PREFIX,
      "devices whose id begins so" },
    { 0, "campaign", "ID", CTL_KIND_NAME, AT(campaign), 0, NULL, false, CTL_FOR_FILTER,
      "of this campaign, or last of it" },
    { 0, "expires-within", "TIME", CTL_KIND_DURATION, AT(expires_within), 0, NULL, false, CTL_FOR_FILTER,
      "ends within so long, such as 30d, or has ended" },
    { 0, "not-seen-for", "TIME", CTL_KIND_DURATION, AT(not_seen_for), 0, NULL, false, CTL_FOR_FILTER,
      "has not appeared for so long, such as 7d" },
    { 0, "issued-after", "TIME", CTL_KIND_AGO, AT(issued_after), 0, NULL, false, CTL_FOR_FILTER,
      "issued then or later: 24h ago, 2026-11-21, or\n2026-11-21T08:00:00Z" },
    { 0, "issued-before", "TIME", CTL_KIND_AGO, AT(issued_before), 0, NULL, false, CTL_FOR_FILTER, "issued earlier" },
    { 0, "factory", "NAME", CTL_KIND_NAME, AT(factory), 0, NULL, false, CTL_FOR_FILTER | CTL_FOR_ENROL,
      "the factory that devices come from" },
    { 0, "revoked", NULL, CTL_KIND_FLAG, AT(revoked), 0, NULL, false, CTL_FOR_FILTER, "revoked ones" },
    { 0, "trust-before", "N", CTL_KIND_NUMBER, AT(trust_before), 4000000000U, NULL, false, CTL_FOR_FILTER,
      "has not confirmed version N of the trust bundle" },
    { 0, "level", "LEVEL", CTL_KIND_CHOICE, AT(level), 0, "notice|warning|critical|field", false, CTL_FOR_LEVEL,
      "with an alert of at least notice, warning or critical;\nfield: on the list for a visit" },
    { 0, "unacknowledged", NULL, CTL_KIND_FLAG, AT(unacknowledged), 0, NULL, false, CTL_FOR_ALERTS,
      "only alerts that nobody has acknowledged" },
    { 0, "what", "KIND", CTL_KIND_NAME, AT(what), 0, NULL, false, CTL_FOR_AUDIT,
      "entries of this kind, such as issued" },
    { 0, "who", "WHO", CTL_KIND_TEXT, AT(who), 0, NULL, false, CTL_FOR_AUDIT, "by whom: the beginning is enough" },
    { 0, "since", "TIME", CTL_KIND_AGO, AT(since), 0, NULL, false, CTL_FOR_AUDIT,
      "24h ago, 2026-11-21, or 2026-11-21T08:00:00Z" },
    { 0, "until", "TIME", CTL_KIND_AGO, AT(until), 0, NULL, false, CTL_FOR_AUDIT, "the same" },
    { 0, "oldest", NULL, CTL_KIND_FLAG, AT(oldest), 0, NULL, false, CTL_FOR_AUDIT,
      "the oldest first (default with a device's id)" },
    { 'f', "follow", NULL, CTL_KIND_FLAG, AT(follow), 0, NULL, false, CTL_FOR_AUDIT,
      "the last 10 (or --limit), then each new one, until\nCtrl-C" },
    { 0, "limit", "N", CTL_KIND_NUMBER, AT(limit), CTL_ROWS_LIMIT, NULL, false, CTL_FOR_PAGE,
      "at most so many rows (default 50)" },
    { 0, "all", NULL, CTL_KIND_FLAG, AT(all), 0, NULL, false, CTL_FOR_PAGE, "all rows" },
    /* what to do */
    { 0, "reason", "REASON", CTL_KIND_CHOICE, AT(reason), 0, REASONS, false, CTL_FOR_REASON,
      "told to the device: expiry, operator, campaign,\nca-rotation, regression or policy" },
    { 0, "reason", "TEXT", CTL_KIND_TEXT, AT(reason), 0, NULL, false, CTL_FOR_WHY, "why, up to 48 characters" },
    { 0, "csv", "FILE", CTL_KIND_TEXT, AT(csv), 0, NULL, false, CTL_FOR_ENROL,
      "devices from a file, see below; - is standard input" },
    { 0, "tag", "TAG", CTL_KIND_LIST, AT(tags), 0, NULL, false, CTL_FOR_ENROL,
      "a tag that they get; again for more" },
    { 0, "expires", "TIME", CTL_KIND_DURATION, AT(expires), 0, NULL, false, CTL_FOR_TOKEN,
      "how long it can be used, 60s to 30d (default 24h)" },
    { 0, "serial", "HEX", CTL_KIND_SERIAL, AT(serial), 0, NULL, false, CTL_FOR_SERIAL,
      "the certificate with this serial number" },
    { 0, "device", "ID", CTL_KIND_NAME, AT(device), 0, NULL, false, CTL_FOR_REVOKE,
      "with --serial: whose it is" },
    { 0, "list", "FILE", CTL_KIND_TEXT, AT(list), 0, NULL, false, CTL_FOR_REVOKE,
      "devices from a file, an id a line; - is standard input" },
    { 0, "reason", "REASON", CTL_KIND_CHOICE, AT(reason), 0, CAUSES, false, CTL_FOR_CAUSE,
      "as RFC 5280 calls it, such as keyCompromise, see below" },
    { 0, "comment", "TEXT", CTL_KIND_TEXT, AT(comment), 0, NULL, false, CTL_FOR_CAUSE,
      "for the audit log" },
    { 0, "force", NULL, CTL_KIND_FLAG, AT(force), 0, NULL, false, CTL_FOR_FORCE, "also while devices, or you, need it" },
    { 0, "mode", "MODE", CTL_KIND_CHOICE, AT(mode), 0, "add|replace", false, CTL_FOR_TRUST,
      "add to what devices trust (default), or replace it" },
    { 0, "out", "FILE", CTL_KIND_TEXT, AT(out), 0, NULL, false, CTL_FOR_OUT,
      "write it there; - is standard output" },
    { 0, "pem", NULL, CTL_KIND_FLAG, AT(pem), 0, NULL, false, CTL_FOR_PEM, "as PEM instead of DER" },
    { 0, "add", "TAG", CTL_KIND_LIST, AT(add), 0, NULL, false, CTL_FOR_TAGS, "a tag to add; again for more" },
    { 0, "remove", "TAG", CTL_KIND_LIST, AT(remove), 0, NULL, false, CTL_FOR_TAGS, "a tag to remove; again for more" },
    { 0, "name", "TEXT", CTL_KIND_TEXT, AT(name), 0, NULL, false, CTL_FOR_CAMPAIGN, "what it is called" },
    { 0, "rate", "N", CTL_KIND_NUMBER, AT(rate), 1000000, NULL, false, CTL_FOR_CAMPAIGN,
      "triggers each second (default: trigger_rate)" },
    { 0, "start", "TIME", CTL_KIND_AHEAD, AT(start), 0, NULL, false, CTL_FOR_CAMPAIGN,
      "in 2h, or at 2026-11-21T22:00:00Z (default: now)" },
    { 0, "deadline", "TIME", CTL_KIND_AHEAD, AT(deadline), 0, NULL, false, CTL_FOR_CAMPAIGN,
      "when it pauses itself unless it is done: 7d, or a time" },
    { 0, "group", "SPEC", CTL_KIND_LIST, AT(group), 0, NULL, false, CTL_FOR_CAMPAIGN,
      "the next group; again for more, see below" },
    { 0, "state", "STATE", CTL_KIND_CHOICE, AT(state), 0, "counting|waiting|running|paused|aborting|aborted|done",
      false, CTL_FOR_CAMPAIGNS, "only campaigns that are counting, waiting, running,\npaused, aborting, aborted or done" },
    { 0, "if-version", "N", CTL_KIND_NUMBER, AT(if_version), 4000000000U, NULL, false, CTL_FOR_POLICY,
      "only if nobody has changed it since this version" },
    { 0, "yes", NULL, CTL_KIND_FLAG, AT(yes), 0, NULL, false, CTL_FOR_YES, "do not ask" },
    { 0, "issuer", "CERT.pem", CTL_KIND_TEXT, AT(cafile), 0, NULL, false, CTL_FOR_ISSUERS,
      "the issuing certificate; again for each that signed" },
};
const size_t ctl_option_count = sizeof ctl_option_table / sizeof ctl_option_table[0];

const struct ctl_option *ctl_option_by_name(const char *name, size_t len, unsigned groups)
{
    for (size_t i = 0; i < ctl_option_count; i++) {
        const struct ctl_option *option = &ctl_option_table[i];
        if ((option->groups & groups) != 0 && strlen(option->name) == len && memcmp(option->name, name, len) == 0) {
            return option;
        }
    }
    return NULL;
}

const struct ctl_option *ctl_option_by_letter(char letter)
{
    for (size_t i = 0; i < ctl_option_count; i++) {
        if (letter != '\0' && ctl_option_table[i].letter == letter) {
            return &ctl_option_table[i];
        }
    }
    return NULL;
}
