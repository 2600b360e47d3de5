/* The commands about devices. */
#include "plugin/renewalctl/build.h"
#include "plugin/renewalctl/command.h"
#include "plugin/renewalctl/render.h"
#include "plugin/renewalctl/run.h"

#include <stdint.h>

const struct ctl_command ctl_commands_fleet[] = {
    {
        .name = "status", .words = "", .run = ctl_run_one, .build = ctl_build_status, .render = ctl_render_status,
        .brief = "how the plugin, its store and its issuers are",
        .text = "Shows how the plugin, its store, its issuers and the fleet are.",
        .examples = "  renewalctl -h broker.example --cafile ca.pem --cert a.pem --key a.key status\n"
                    "  renewalctl --json status | jq .store.connected",
    },
    {
        .name = "devices", .words = "",
        .groups = CTL_FOR_SLOT | CTL_FOR_FILTER | CTL_FOR_LEVEL | CTL_FOR_PREFIX | CTL_FOR_PAGE,
        .run = ctl_run_pages, .build = ctl_build_devices, .columns = &ctl_columns_devices,
        .brief = "which devices there are, and until when",
        .text = "Lists devices, one line for each of their certificates. All that is given must hold.",
        .more = "Rows come as they are found, in no order; --json gives one array of them.",
        .examples = "  renewalctl devices --expires-within 30d --all\n"
                    "  renewalctl devices --tag lab --state held\n"
                    "  renewalctl devices --not-seen-for 90d --all --json | jq -r '.[].device'",
    },
    {
        .name = "device", .words = "ID", .needs = "a device's id", .words_min = 1, .words_max = 1, .names = 1,
        .run = ctl_run_one, .build = ctl_build_device, .render = ctl_render_device,
        .brief = "what is known of a device's certificates",
        .text = "Shows what is known of a device: when it was seen, and for each slot its certificate and its "
                "renewal.",
        .examples = "  renewalctl device meter-17\n"
                    "  renewalctl --json device meter-17 | jq -r '.slots[] | .slot + \" \" + .notAfter'",
    },
    {
        .name = "trigger", .words = "ID... | FILTER...", .needs = "a device's id", .words_max = SIZE_MAX,
        .names = SIZE_MAX,
        .groups = CTL_FOR_SLOT | CTL_FOR_REASON | CTL_FOR_FILTER | CTL_FOR_LEVEL | CTL_FOR_PREFIX | CTL_FOR_YES,
        .run = ctl_run_trigger, .build = ctl_build_trigger, .check = ctl_check_trigger, .render = ctl_render_trigger,
        .brief = "ask devices for new certificates",
        .text = "Asks devices for new certificates: at once where they are connected, else when they next "
                "appear. Which ones is told by their ids, or by the options of `devices`.",
        .more = "--slot is the certificate to renew (default operational). With a filter it first says how many "
                "it is about and asks, unless --yes. For many devices a campaign is better: it has a rate, and "
                "stops by itself when things go wrong.",
        .examples = "  renewalctl trigger meter-17\n"
                    "  renewalctl trigger meter-17 meter-18 --slot data --reason policy\n"
                    "  renewalctl trigger --tag lab --expires-within 30d",
    },
    {
        .name = "cancel", .words = "ID", .needs = "a device's id", .words_min = 1, .words_max = 1, .names = 1,
        .groups = CTL_FOR_SLOT | CTL_FOR_YES,
        .run = ctl_run_one, .build = ctl_build_cancel, .question = ctl_question_cancel, .render = ctl_render_steered,
        .done = "cancelled",
        .brief = "end the renewal that is under way",
        .text = "Ends the renewal that is under way for a device. A certificate that was issued and waits for it "
                "stays.",
        .examples = "  renewalctl cancel meter-17\n"
                    "  renewalctl cancel meter-17 --slot data --yes",
    },
    {
        .name = "hold", .words = "ID", .needs = "a device's id", .words_min = 1, .words_max = 1, .names = 1,
        .groups = CTL_FOR_SLOT | CTL_FOR_WHY | CTL_FOR_YES,
        .run = ctl_run_one, .build = ctl_build_hold, .question = ctl_question_hold,
        .render = ctl_render_steered, .done = "held",
        .brief = "certify nothing more of a device",
        .text = "Puts a device on hold: nothing of it is certified until it is released. Without --slot all of "
                "its slots.",
        .examples = "  renewalctl hold meter-17 --reason 'reported stolen'\n"
                    "  renewalctl devices --state held --all",
    },
    {
        .name = "release", .words = "ID", .needs = "a device's id", .words_min = 1, .words_max = 1, .names = 1,
        .groups = CTL_FOR_SLOT,
        .run = ctl_run_one, .build = ctl_build_release, .render = ctl_render_steered, .done = "released",
        .brief = "the end of a hold",
        .text = "Ends the hold of a device; without --slot of all of its slots.",
        .more = "A device that was revoked is let in again, too, with a new certificate: those that were revoked stay "
                "so, but for reason certificateHold, which ends with it. For many, a line each: "
                "xargs -n 1 renewalctl release <list",
        .examples = "  renewalctl release meter-17\n"
                    "  renewalctl devices --revoked --all --json | jq -r '.[].device' >list",
    },
    {
        .name = "tag", .words = "ID [+TAG]...", .needs = "a device's id", .words_min = 1, .words_max = SIZE_MAX,
        .names = 1, .groups = CTL_FOR_TAGS,
        .run = ctl_run_one, .build = ctl_build_tag, .check = ctl_check_tag,
        .render = ctl_render_steered, .done = "tagged",
        .brief = "give a device tags, or take them",
        .text = "Adds tags to a device and removes some: 1 to 32 of A-Z a-z 0-9 . _ : - each.",
        .more = "+TAG adds; -TAG, behind `--` because it looks like an option, removes.",
        .examples = "  renewalctl tag meter-17 +lab +canary\n"
                    "  renewalctl tag meter-17 --add lab --remove canary\n"
                    "  renewalctl tag meter-17 -- +lab -canary",
    },
};
const size_t ctl_commands_fleet_count = sizeof ctl_commands_fleet / sizeof ctl_commands_fleet[0];
