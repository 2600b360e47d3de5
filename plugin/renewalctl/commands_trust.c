/* The commands about whom to trust: who may enroll, what is revoked, which issuers there are. */
#include "plugin/renewalctl/build.h"
#include "plugin/renewalctl/command.h"
#include "plugin/renewalctl/render.h"
#include "plugin/renewalctl/run.h"

#include <stdint.h>

#define ONE_DEVICE .words = "ID", .needs = "a device's id", .words_min = 1, .words_max = 1, .names = 1
#define ONE_ISSUER                                                                                                     \
    .words = "ISSUER", .needs = "an issuer's id", .words_min = 1, .words_max = 1, .names = 1, .check = ctl_check_issuer
#define CAUSES                                                                                                         \
    "REASON is unspecified (default), keyCompromise, cACompromise, affiliationChanged, superseded, "                   \
    "cessationOfOperation, certificateHold, privilegeWithdrawn or aACompromise."

const struct ctl_command ctl_commands_trust[] = {
    {
        .name = "enroll", .words = "ID... | --csv FILE", .needs = "a device's id", .words_max = SIZE_MAX,
        .names = SIZE_MAX, .groups = CTL_FOR_ENROL,
        .run = ctl_run_enroll, .build = ctl_build_enroll, .check = ctl_check_enroll, .render = ctl_render_enroll,
        .brief = "allow devices their first certificate",
        .text = "Allows devices to get a first certificate of ours with that of their factory, or once more.",
        .more = "FILE has a device a line: its id, then as wished its factory and its tags, these separated by ; and as "
                "CSV (RFC 4180). A first line that begins with device names the columns. --factory and --tag are for "
                "the devices of which the file does not say. All of it is checked first: where a line is wrong, each "
                "wrong one is told and nothing is sent. It can be repeated: what is done stays done.",
        .examples = "  renewalctl enroll meter-17 --factory acme --tag lab\n"
                    "  renewalctl enroll --csv delivery.csv --factory acme\n"
                    "  renewalctl enroll --csv - --json | jq -r '.refused[].device'",
    },
    {
        .name = "forbid", ONE_DEVICE,
        .run = ctl_run_one, .build = ctl_build_forbid, .render = ctl_render_forbid,
        .brief = "take that back, or an unused token",
        .text = "Takes back that a device may enroll, or a token that it has not used. Certificates that it has stay.",
        .examples = "  renewalctl forbid meter-17",
    },
    {
        .name = "token", ONE_DEVICE, .groups = CTL_FOR_TOKEN,
        .run = ctl_run_one, .build = ctl_build_token, .render = ctl_render_token,
        .brief = "a password for a first certificate",
        .text = "Makes a token with which a device without any certificate gets its first one, once. It is told now and "
                "kept nowhere; a new one ends the one before.",
        .examples = "  renewalctl token meter-17 --expires 2h\n"
                    "  renewalctl token meter-17 --json | jq -r .token",
    },
    {
        .name = "revoke", .words = "ID... | FILTER...", .needs = "a device's id", .words_max = SIZE_MAX,
        .names = SIZE_MAX,
        .groups = CTL_FOR_SLOT | CTL_FOR_FILTER | CTL_FOR_LEVEL | CTL_FOR_PREFIX | CTL_FOR_REVOKE | CTL_FOR_SERIAL |
            CTL_FOR_CAUSE | CTL_FOR_YES,
        .run = ctl_run_revoke, .build = ctl_build_revoke, .check = ctl_check_revoke, .render = ctl_render_revoke,
        .brief = "lock devices out for good",
        .text = "Revokes the certificates of devices: they are disconnected, never accepted again, and listed in the CRL; "
                "the devices get no new ones until `release`. Which ones is told by their ids, a file of them, or the "
                "options of `devices`; --serial with --issuer revokes one certificate, whoever has it.",
        .more = CAUSES " It asks first, and says how many it is about, unless --yes. It can be repeated: what is "
                "done stays done.",
        .examples = "  renewalctl revoke meter-17 --reason keyCompromise --comment 'case 4711'\n"
                    "  renewalctl revoke --list stolen.txt --reason cessationOfOperation\n"
                    "  renewalctl revoke --factory acme --issued-after 2026-11-01\n"
                    "  renewalctl revoke --serial 0123abcd --issuer 0123456789abcdef --yes",
    },
    {
        .name = "revoked", .words = "", .groups = CTL_FOR_REVOKED | CTL_FOR_PAGE,
        .run = ctl_run_pages, .build = ctl_build_revoked, .columns = &ctl_columns_revoked,
        .brief = "which certificates are revoked",
        .text = "Lists the certificates that are revoked and have not expired.",
        .examples = "  renewalctl revoked --issuer 0123456789abcdef --all\n"
                    "  renewalctl revoked --all --json | jq -r '.[].serialNumber'",
    },
    {
        .name = "issuers", .words = "",
        .run = ctl_run_one, .build = ctl_build_issuers, .render = ctl_render_issuers,
        .brief = "who signs, and who is trusted",
        .text = "Lists the issuers: our own, those trusted besides, and factories; which signs now, until when each is "
                "valid, and its CRL.",
        .examples = "  renewalctl issuers\n"
                    "  renewalctl issuers --json | jq -r '.issuers[] | select(.signing) | .issuer'",
    },
    {
        .name = "census", .words = "[ISSUER]", .needs = "an issuer's id", .words_max = 1, .names = 1,
        .check = ctl_check_issuer,
        .run = ctl_run_one, .build = ctl_build_census, .render = ctl_render_census,
        .brief = "how many certificates each issuer has",
        .text = "Counts now, over the whole fleet, the certificates of each issuer: live, expired, on hold, and issued but "
                "not confirmed. An issuer without live ones can be retired.",
        .examples = "  renewalctl census\n"
                    "  renewalctl census 0123456789abcdef --timeout 120 --json | jq '.issuers[].live'",
    },
    {
        .name = "retire", ONE_ISSUER, .groups = CTL_FOR_FORCE | CTL_FOR_YES,
        .run = ctl_run_one, .build = ctl_build_retire, .question = ctl_question_retire,
        .render = ctl_render_issuer_steered, .refused = ctl_render_needed, .done = "retired",
        .brief = "accept an issuer no longer",
        .text = "Retires an issuer that nobody needs any more: its certificates are not accepted from then on. Devices "
                "that still have live ones are counted first, and then it is refused.",
        .more = "restore-issuer takes it back. The issuer that signs now cannot be retired.",
        .examples = "  renewalctl retire 0123456789abcdef",
    },
    {
        .name = "revoke-issuer", ONE_ISSUER, .groups = CTL_FOR_CAUSE | CTL_FOR_FORCE | CTL_FOR_YES,
        .run = ctl_run_one, .build = ctl_build_revoke_issuer, .question = ctl_question_revoke_issuer,
        .render = ctl_render_issuer_steered, .refused = ctl_render_needed, .done = "revoked",
        .brief = "its key is lost: never trust it again",
        .text = "Revokes an issuer for good: all of its certificates are revoked with it, and no device is let in by one. "
                "There must be another one that can sign, unless --force.",
        .more = CAUSES,
        .examples = "  renewalctl revoke-issuer 0123456789abcdef --reason cACompromise",
    },
    {
        .name = "restore-issuer", ONE_ISSUER,
        .run = ctl_run_one, .build = ctl_build_restore_issuer, .render = ctl_render_issuer_steered, .done = "trusted again",
        .brief = "take a retirement back",
        .text = "Trusts an issuer again that was retired. One that was revoked stays so.",
        .examples = "  renewalctl restore-issuer 0123456789abcdef",
    },
    {
        .name = "trust show", .words = "",
        .run = ctl_run_one, .build = ctl_build_trust, .render = ctl_render_trust,
        .brief = "the CAs that devices are told to trust",
        .text = "Shows the trust bundle: the CAs that devices are told to trust, and how many have confirmed it.",
        .examples = "  renewalctl trust show\n"
                    "  renewalctl trust show --json | jq -r '.certificates[]' >bundle.pem",
    },
    {
        .name = "trust set", .words = "FILE...", .needs = "a file with certificates, PEM", .words_min = 1,
        .words_max = SIZE_MAX, .groups = CTL_FOR_TRUST | CTL_FOR_YES,
        .run = ctl_run_trust_set, .render = ctl_render_trust_set,
        .brief = "tell all devices whom to trust",
        .text = "Gives all devices a new trust bundle: at most 8 certificates, all of CAs that are valid now. They are "
                "looked at before, shown, and it asks.",
        .more = "Each issuer of ours that signs must chain to one of them. `devices --trust-before N` lists who has not "
                "confirmed version N.",
        .examples = "  renewalctl trust set old-root.pem new-root.pem\n"
                    "  renewalctl trust set new-root.pem --mode replace --yes",
    },
    {
        .name = "ocsp", ONE_DEVICE, .groups = CTL_FOR_SLOT | CTL_FOR_SERIAL | CTL_FOR_OUT,
        .run = ctl_run_ocsp, .build = ctl_build_ocsp, .render = ctl_render_ocsp,
        .brief = "the OCSP response of a certificate",
        .text = "Shows what an OCSP response says of a device's certificate, and until when; with --out it is written, as "
                "DER.",
        .examples = "  renewalctl ocsp meter-17\n"
                    "  renewalctl ocsp meter-17 --out meter-17.ocsp",
    },
    {
        .name = "crl", ONE_ISSUER, .groups = CTL_FOR_OUT | CTL_FOR_PEM,
        .run = ctl_run_crl, .render = ctl_render_crl,
        .brief = "an issuer's revocation list",
        .text = "Takes an issuer's CRL from the broker, where it is kept for everybody, and shows what it is; with --out it "
                "is written, as DER or with --pem as PEM.",
        .more = "Its signature is not looked at: openssl crl -verify does that.",
        .examples = "  renewalctl crl 0123456789abcdef\n"
                    "  renewalctl crl 0123456789abcdef --pem --out issuer.crl",
    },
};
const size_t ctl_commands_trust_count = sizeof ctl_commands_trust / sizeof ctl_commands_trust[0];
